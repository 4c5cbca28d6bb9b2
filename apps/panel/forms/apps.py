"""Forms about an app as it is: its settings, its size, its removal."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from apps.applications.models import App
from apps.applications.tags import MAX_LENGTH, MOST_TAGS, InvalidTag, read_tags, tags_of


class AppSettingsForm(forms.ModelForm):
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=MOST_TAGS * (MAX_LENGTH + 2),
        help_text=gettext_lazy(
            "Words by which people find apps that belong together: web, team-a, customer:acme …"
        ),
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    class Meta:
        model = App
        fields = ["name", "verify_timeout", "calm_seconds", "auto_rollback", "protected"]
        labels = {
            "name": gettext_lazy("Name"),
            "verify_timeout": gettext_lazy("Time to verify, in seconds"),
            "calm_seconds": gettext_lazy("Time of calm, in seconds"),
            "auto_rollback": gettext_lazy("Go back by itself when an update fails"),
            "protected": gettext_lazy("Protect this app: four eyes"),
        }
        widgets = {
            "name": forms.TextInput(attrs={"class": "form-control"}),
            "verify_timeout": forms.NumberInput(attrs={"class": "form-control number-input"}),
            "calm_seconds": forms.NumberInput(attrs={"class": "form-control number-input"}),
            "auto_rollback": forms.CheckboxInput(attrs={"class": "form-check-input"}),
            "protected": forms.CheckboxInput(attrs={"class": "form-check-input"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["tags"] = " ".join(tags_of(self.instance))

    def clean_tags(self) -> list[str]:
        # A script that knows nothing of tags takes none away.
        told = self.add_prefix("tags") in self.data
        try:
            return read_tags(self.cleaned_data["tags"] if told else self.initial["tags"])
        except InvalidTag as error:
            raise forms.ValidationError(str(error)) from None

    def changed_columns(self) -> list[str]:
        """Return the names of the app's own columns that were changed."""
        return [name for name in self.changed_data if name in self._meta.fields]  # type: ignore[operator]


class ScaleForm(forms.Form):
    service = forms.CharField(max_length=200)
    number = forms.IntegerField()


class RemoveForm(forms.Form):
    """The slug, typed again, and whether the volumes go too."""

    confirm = forms.CharField(
        widget=forms.TextInput(
            attrs={
                "class": "form-control",
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
    )
    volumes = forms.BooleanField(
        required=False, label=gettext_lazy("Remove its volumes too, with all data in them")
    )

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slug = slug
        # Not its name for people, which can be another.
        self.fields["confirm"].label = gettext("Type %(slug)s to confirm") % {"slug": slug}
        self.fields["volumes"].widget.attrs["class"] = "form-check-input"

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed != self.slug:
            raise forms.ValidationError(
                gettext("This is not %(slug)s. Nothing was removed.") % {"slug": self.slug}
            )
        return typed
