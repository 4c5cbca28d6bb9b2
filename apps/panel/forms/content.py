"""Forms of the panel's pages. They read what was typed; the rules are those of the layers below."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from apps.applications import environment
from apps.applications.content import Content, InvalidContent, Problem
from apps.applications.gallery.sealed import SealBroken, opened
from apps.applications.services import SlugTaken
from apps.applications.slugs import InvalidSlug, validate_slug
from apps.core.errors import DomainError


class RawTextField(forms.CharField):
    """A text that reaches the form as it was typed; NUL bytes are told by line where the content is read."""

    def __init__(self, *, rows: int, keep: bool = False, **kwargs: Any) -> None:
        """With `keep`, a browser that comes back to the page may fill in what was typed."""
        attrs = {
            "rows": rows,
            "class": "form-control editor-text",
            "wrap": "off",
            "spellcheck": "false",
            "autocapitalize": "off",
        }
        if not keep:
            attrs["autocomplete"] = "off"
        super().__init__(widget=forms.Textarea(attrs=attrs), strip=False, **kwargs)
        self.validators = []


def read_renamed(text: str) -> dict[str, str]:
    """Return the old names in lines of NEW=OLD, by the new ones."""
    return dict(line.split("=", 1) for line in text.split() if "=" in line)


class ContentForm(forms.Form):
    """A Compose file and its environment, with a note on what changed."""

    compose = RawTextField(
        label=gettext_lazy("Compose file"),
        rows=22,
        keep=True,
        error_messages={
            "required": gettext_lazy("There is no Compose file yet. Paste one, or start from the example.")
        },
    )
    environment = RawTextField(label=gettext_lazy("Environment"), rows=6, required=False)
    # Lines of NEW=OLD, for names whose hidden values stay.
    renamed = forms.CharField(
        # A browser that comes back fills in neither this nor the environment.
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
        required=False,
        max_length=20_000,
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("What changed and why, for whoever looks at the history."),
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    # The text that values shown as a mask stand for.
    previous_environment = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: list[Problem] = []
        self.content: Content | None = None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "compose" in cleaned:
            try:
                self.content = self._read(
                    cleaned["compose"],
                    cleaned.get("environment", ""),
                    read_renamed(cleaned.get("renamed", "")),
                )
            except InvalidContent as error:
                self.refuse(error)
        return cleaned

    def _read(self, compose: str, typed: str, renamed: dict[str, str]) -> Content:
        # The faults of the text as typed come first: behind a mask there may be more lines.
        read = Content.read(compose, typed)
        return read.with_environment(environment.unmask(read.environment, self.previous_environment, renamed))

    def refuse(self, error: DomainError) -> None:
        """Show `error` at the field that it is about, or above the form."""
        if isinstance(error, InvalidContent):
            self.problems += error.problems
            for problem in error.problems:
                self.add_error(problem.source, _sentence(problem))
        else:
            about_slug = isinstance(error, InvalidSlug | SlugTaken) and "slug" in self.fields
            self.add_error("slug" if about_slug else None, str(error))

    @property
    def compose_problem_lines(self) -> str:
        """The numbers of the lines with a fault, for the editor's margin."""
        return self._problem_lines("compose")

    @property
    def environment_problem_lines(self) -> str:
        return self._problem_lines("environment")

    def _problem_lines(self, source: str) -> str:
        return " ".join(str(p.line) for p in self.problems if p.source == source and p.line)


def _sentence(problem: Problem) -> str:
    if problem.line is None:
        return problem.message
    if problem.column is None:
        place = gettext("Line %(line)s: %(message)s")
    else:
        place = gettext("Line %(line)s, column %(column)s: %(message)s")
    return place % {"line": problem.line, "column": problem.column, "message": problem.message}


class AdoptForm(forms.Form):
    """The name of the app that a project becomes."""

    slug = forms.CharField(
        label=gettext_lazy("Name of the app"),
        max_length=200,
        help_text=gettext_lazy("Lowercase letters, digits, dashes and underscores. It stays for good."),
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )


class NewAppForm(ContentForm):
    """The first version of a new app."""

    slug = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=200,
        help_text=gettext_lazy("Lowercase letters, digits, dashes and underscores. It stays for good."),
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    name = forms.CharField(
        label=gettext_lazy("Shown as"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("For people; may hold capitals and spaces. Empty: its name."),
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    # Secrets that a template generated: what masks in the environment stand for.
    sealed = forms.CharField(widget=forms.HiddenInput, required=False, max_length=500_000)
    field_order = ("slug", "name", "compose", "environment", "renamed", "note")

    def clean_sealed(self) -> str:
        text: str = self.cleaned_data["sealed"]
        if text:
            try:
                self.previous_environment = opened(text)
            except SealBroken as error:
                self.refuse(error)
        return text

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        try:
            return validate_slug(slug)
        except InvalidSlug as error:
            raise forms.ValidationError(str(error)) from None


class NewVersionForm(ContentForm):
    """A new version of an app that exists; values of the environment that were left masked stay."""

    # The version that the form was filled from, and the newest one that its author has seen.
    base = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    # The one that was current then; 0 where none was.
    current = forms.IntegerField(widget=forms.HiddenInput, min_value=0, required=False)

    def __init__(self, *args: Any, previous_environment: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.previous_environment = previous_environment
