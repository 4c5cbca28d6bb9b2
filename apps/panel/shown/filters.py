"""Which events a list shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.audit.export import InvalidTime, read_time
from apps.applications.models import ComposeVersion
from apps.deployments.models import DeployEvent
from apps.deployments.states import ACTIVE, Action, Approval, Status

_SELECT = {"class": "form-select", "autocomplete": "off"}
_TEXT = {"class": "form-control", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
_RANGES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


class MomentField(forms.CharField):
    """A day or a time, UTC where it names no zone; of a day the beginning, or its end where `ends`."""

    def __init__(self, *args: Any, ends: bool = False, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs=_TEXT | {"type": "datetime-local"})
        super().__init__(*args, max_length=40, widget=widget, **kwargs)
        self.ends = ends

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self._moment(text)
        except InvalidTime as error:
            raise forms.ValidationError(str(error)) from None
        except OverflowError:
            raise forms.ValidationError(_("No event is so old or so far ahead.")) from None

    def prepare_value(self, value: Any) -> Any:
        # The widget shows times alone, without a zone.
        try:
            return self._moment(value).strftime("%Y-%m-%dT%H:%M") if value else value
        except (InvalidTime, OverflowError):
            return value

    def _moment(self, text: str) -> datetime:
        # Of a time at the edge of what can be told another zone's may not be: OverflowError.
        return read_time(text, ends=self.ends).astimezone(UTC)


class TimeFilter(django_filters.Filter):
    """A part of the one condition that all times of a choice make; see `EventFilter.filter_queryset`."""

    def filter(self, events: Any, value: Any) -> Any:
        return events


class MomentFilter(TimeFilter):
    field_class = MomentField


class RangeFilter(TimeFilter, django_filters.ChoiceFilter):
    pass


class EventFilter(django_filters.FilterSet):
    """By app (its slug, also of removed ones), person (by name), action, status, time and note."""

    app = django_filters.CharFilter(
        field_name="slug",
        label=_("App"),
        max_length=50,
        widget=forms.TextInput(attrs=_TEXT | {"list": "known-apps", "placeholder": _("Every app")}),
    )
    person = django_filters.CharFilter(
        field_name="requested_by",
        label=_("Person"),
        max_length=150,
        widget=forms.TextInput(attrs=_TEXT | {"list": "known-people", "placeholder": _("Everybody")}),
    )
    action = django_filters.ChoiceFilter(
        choices=Action.choices,
        label=_("Action"),
        empty_label=_("Every action"),
        widget=forms.Select(attrs=_SELECT),
    )
    status = django_filters.ChoiceFilter(
        choices=[
            ("active", _("Queued or running")),
            ("approval", _("Waiting for approval")),
            *Status.choices,
        ],
        method="by_status",
        label=_("Status"),
        empty_label=_("Every status"),
        widget=forms.Select(attrs=_SELECT),
    )
    range = RangeFilter(
        choices=[
            ("1h", _("Last hour")),
            ("24h", _("Last 24 hours")),
            ("7d", _("Last 7 days")),
            ("30d", _("Last 30 days")),
        ],
        label=_("When"),
        empty_label=_("At any time"),
        widget=forms.Select(attrs=_SELECT),
    )
    since = MomentFilter(label=_("From (UTC)"))
    until = MomentFilter(label=_("Until (UTC)"), ends=True)
    text = django_filters.CharFilter(
        method="by_text",
        label=_("Note"),
        max_length=200,
        widget=forms.TextInput(attrs=_TEXT | {"type": "search"}),
    )

    # Those that are folded away while nothing is in them.
    FOLDED = ("since", "until", "text")

    class Meta:
        model = DeployEvent
        fields: list[str] = []

    def chosen(self) -> dict[str, str]:
        """Return what was typed and chosen; for addresses."""
        return {name: value for name in self.filters if (value := (self.data or {}).get(name, ""))}

    @property
    def at_hand(self) -> list[forms.BoundField]:
        return [field for field in self.form if field.name not in self.FOLDED]

    @property
    def folded(self) -> list[forms.BoundField]:
        return [field for field in self.form if field.name in self.FOLDED]

    @property
    def is_unfolded(self) -> bool:
        return any(name in self.FOLDED for name in self.chosen())

    def by_status(self, events: Any, name: str, value: str) -> Any:
        if value == "approval":
            return events.filter(status=Status.QUEUED, approval=Approval.AWAITED)
        return events.filter(status__in=ACTIVE) if value == "active" else events.filter(status=value)

    def filter_queryset(self, queryset: Any) -> Any:
        """Return the events that fit; those of a time by their keys, which the index of times has."""
        events, chosen = super().filter_queryset(queryset), self.form.cleaned_data
        first = timezone.now() - _RANGES[chosen["range"]] if chosen["range"] else None
        begins = [moment for moment in (chosen["since"], first) if moment]
        when = {"queued_at__gte": max(begins)} if begins else {}
        if chosen["until"]:
            when["queued_at__lt"] = chosen["until"]
        if not when:
            return events
        return events.filter(pk__in=DeployEvent.objects.filter(**when).order_by().values("pk"))

    def by_text(self, events: "QuerySet[DeployEvent]", name: str, value: str) -> "QuerySet[DeployEvent]":
        """Find the words of the version's note, or of whoever approved or refused."""
        versions = ComposeVersion.objects.filter(note__icontains=value).order_by().values("pk")
        decided = DeployEvent.objects.exclude(approval=Approval.NONE).order_by()
        noted = decided.filter(approval_note__icontains=value).values("pk")
        return events.filter(Q(version__in=versions) | Q(pk__in=noted))
