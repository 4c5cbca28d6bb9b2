"""Forms of the gallery: what a template asks for, and saving one from an app."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.applications.gallery.variables import (
    MAX_CHARACTERS,
    MAX_VARIABLES,
    Kind,
    Variable,
    problem_with,
)
from apps.panel.forms.content import RawTextField

_PREFIX = "variable-"
_TEXT = {"class": "form-control", "autocapitalize": "off", "spellcheck": "false", "autocomplete": "off"}


class AnswersForm(forms.Form):
    """A field for each variable that is asked for."""

    def __init__(
        self, variables: Iterable[Variable], data: Mapping[str, Any] | None, proposed: Mapping[str, str]
    ) -> None:
        super().__init__(data)
        self.variables = [variable for variable in variables if variable.kind != Kind.SECRET]
        for variable in self.variables:
            self.fields[_PREFIX + variable.name] = _field(variable, proposed)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for variable, value in self._typed():
            if problem := problem_with(variable, value):
                self.add_error(_PREFIX + variable.name, problem)
        return cleaned

    def answers(self) -> dict[str, str]:
        """Return what was typed, by the names of the variables."""
        return {variable.name: value for variable, value in self._typed()}

    def _typed(self) -> list[tuple[Variable, str]]:
        typed = [(variable, self.cleaned_data.get(_PREFIX + variable.name)) for variable in self.variables]
        return [(variable, value) for variable, value in typed if value is not None]


def _field(variable: Variable, proposed: Mapping[str, str]) -> forms.Field:
    told: dict[str, Any] = {
        "label": variable.label,
        "help_text": variable.help,
        "required": variable.required,
        "error_messages": {"required": problem_with(variable, "")},
        "initial": proposed.get(variable.name, variable.default),
    }
    if variable.kind == Kind.CHOICE:
        widget = forms.Select(attrs={"class": "form-select"}, choices=list(variable.choices))
        return forms.CharField(widget=widget, **told)
    if variable.kind == Kind.PASSWORD:
        attrs = {**_TEXT, "autocomplete": "new-password"}
        return forms.CharField(widget=forms.PasswordInput(attrs=attrs), strip=False, **told)
    attrs = dict(_TEXT)
    if variable.kind == Kind.PORT:
        attrs |= {"inputmode": "numeric", "class": "form-control number-input"}
    if variable.pattern:
        attrs["pattern"] = variable.pattern
    return forms.CharField(widget=forms.TextInput(attrs=attrs), max_length=MAX_CHARACTERS, **told)


class VariableForm(forms.Form):
    """One variable of a template that people save; without a name it is left out."""

    name = forms.CharField(
        label=gettext_lazy("Name"), required=False, max_length=200, widget=forms.TextInput(attrs=_TEXT)
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Value"),
        choices=[(kind.value, kind.label) for kind in (Kind.TEXT, Kind.PORT, Kind.SECRET, Kind.PASSWORD)],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    label = forms.CharField(
        label=gettext_lazy("Asked as"), required=False, max_length=100, widget=forms.TextInput(attrs=_TEXT)
    )
    default = forms.CharField(
        label=gettext_lazy("Default"),
        required=False,
        max_length=MAX_CHARACTERS,
        widget=forms.TextInput(attrs=_TEXT),
    )

    def variable(self) -> Variable | None:
        """Return what was typed, None where nothing was."""
        data = self.cleaned_data
        name = data.get("name", "")
        return Variable(name, data["label"] or name, data["kind"], default=data["default"]) if name else None


# A row more than there are, so that one can be added without JavaScript.
VariableFormSet = forms.formset_factory(VariableForm, extra=1, max_num=MAX_VARIABLES, validate_max=True)


class SaveTemplateForm(forms.Form):
    """What a template is called, whose it is, and its file."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, widget=forms.TextInput(attrs={"class": "form-control"})
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("What it is good for, for whoever looks for one."),
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    team: forms.ModelChoiceField = forms.ModelChoiceField(
        label=gettext_lazy("For"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("Everybody who makes apps"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    compose = RawTextField(
        label=gettext_lazy("Compose file"),
        rows=16,
        error_messages={"required": gettext_lazy("A template has a Compose file.")},
    )

    # The `state_of` the template that the form was filled from.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, teams: QuerySet[Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]


def variable_rows(variables: Iterable[Variable]) -> list[dict[str, str]]:
    """Return what the rows of a VariableFormSet begin with."""
    return [
        {"name": one.name, "kind": one.kind, "label": str(one.label), "default": one.default}
        for one in variables
    ]


def too_many() -> str:
    """Return the sentence for an app with more names than a template may ask for."""
    return _("An app with more than %(most)s names in its environment makes no template.") % {
        "most": MAX_VARIABLES
    }
