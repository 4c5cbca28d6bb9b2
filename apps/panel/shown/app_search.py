"""Which apps the overview lists, and in which order."""

import re
from collections.abc import Iterable, Mapping

from django import forms
from django.core.paginator import Page, Paginator
from django.utils.translation import gettext_lazy as _

from apps.applications.models import App, ComposeVersion
from apps.panel.shown.glances import DEPLOYING, RUNNING, STOPPED, TROUBLED, Glance

SIZES = ("25", "50", "100")
_SELECT = {"class": "form-select", "autocomplete": "off"}
# What comes after `image:` in a Compose file, as it is written there.
_IMAGE = re.compile(r"""\bimage["']?:\s*["']?([^\s"'#,}]+)""")
# The worst first; what is not named stands with what is well.
_ORDER = ("unreachable", "degraded", "drifted", "deploying", "absent", "partial", "stopped")
_BADNESS = {state: place for place, state in enumerate(_ORDER)}


class AppSearch(forms.Form):
    """What is typed and chosen above the list; what names nothing known finds nothing."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "class": "form-control",
                "placeholder": _("Name, tag or image"),
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "data-shortcut": "/",
                "data-shortcut-label": _("Search"),
            }
        ),
    )
    sort = forms.ChoiceField(
        label=_("Sort by"),
        required=False,
        choices=[
            ("", _("Name")),
            ("state", _("State, worst first")),
            ("changed", _("Last change")),
            ("added", _("Newest app")),
        ],
        widget=forms.Select(attrs=_SELECT),
    )
    size = forms.ChoiceField(
        label=_("On a page"),
        required=False,
        choices=[("" if size == SIZES[0] else size, size) for size in SIZES],
        widget=forms.Select(attrs=_SELECT),
    )
    state = forms.ChoiceField(
        required=False,
        choices=[(name, name) for name in ("", RUNNING, TROUBLED, STOPPED, DEPLOYING)],
        widget=forms.HiddenInput,
    )
    tag = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)

    def chosen(self) -> dict[str, str]:
        """Return what was typed and chosen, without what is so anyway; for addresses."""
        return {name: value for name in self.fields if (value := self.data.get(name, ""))}

    @property
    def narrows(self) -> bool:
        """Whether it may leave apps out."""
        return any(name in self.chosen() for name in ("q", "state", "tag"))

    @property
    def follows_state(self) -> bool:
        """Whether a change of an app's state may bring it into the list, out of it, or elsewhere."""
        return "state" in self.chosen() or self.chosen().get("sort") in ("state", "changed")

    def page(self, apps: Mapping[str, Glance], number: str | None) -> "Page[Glance]":
        """Return a page of those of `apps` that fit."""
        fitting = self._ordered(self._fitting(apps)) if self.is_valid() else []
        size = int(self.cleaned_data.get("size") or SIZES[0])
        return Paginator(fitting, size).get_page(number)

    def _fitting(self, apps: Mapping[str, Glance]) -> list[Glance]:
        group, tag = self.cleaned_data["state"], self.cleaned_data["tag"]
        words = self.cleaned_data["q"].casefold().split()
        found = [
            one for one in apps.values() if (not group or one.group == group) and (not tag or tag in one.tags)
        ]
        if not words:
            return found
        images = _images_of(found)
        return [one for one in found if _has(one, words, images.get(one.version_id or 0, ""))]

    def _ordered(self, apps: list[Glance]) -> list[Glance]:
        by_name = sorted(apps, key=lambda one: (one.name.casefold(), one.slug))
        match self.cleaned_data["sort"]:
            case "state":
                return sorted(by_name, key=lambda one: _BADNESS.get(one.state.state, len(_BADNESS)))
            case "changed":
                return sorted(by_name, key=lambda one: -(one.last_event_id or 0))
            case "added":
                return sorted(by_name, key=lambda one: -one.pk)
        return by_name


def _has(app: Glance, words: Iterable[str], images: str) -> bool:
    """Tell whether each of `words` stands in the name, a tag or an image of `app`."""
    running = (container.image for container in app.state.services)
    text = "\n".join((app.slug, app.name, *app.tags, images, *running)).casefold()
    return all(word in text for word in words)


# By version. A version never changes, so that what was read once is true for ever.
_images: dict[int, str] = {}
_MOST_KEPT = 50_000
_MOST_CHARACTERS = 4000  # of the names in one file: more is no app that somebody looks for


def _images_of(apps: Iterable[Glance]) -> dict[int, str]:
    """Return by version the names of images in the Compose files of `apps`; in one query at most."""
    wanted = {one.version_id for one in apps if one.version_id is not None}
    if missing := wanted - _images.keys():
        if len(_images) > _MOST_KEPT:
            _images.clear()
        versions = ComposeVersion.objects.filter(pk__in=App.objects.live().values("current_version"))
        if len(missing) <= 100:
            versions = ComposeVersion.objects.filter(pk__in=missing)
        # One after the other: a file may have 1 MiB.
        for pk, yaml in versions.order_by().values_list("pk", "yaml").iterator(chunk_size=50):
            _images[pk] = "\n".join(sorted(set(_IMAGE.findall(yaml))))[:_MOST_CHARACTERS]
    return _images
