"""Which events a list shows."""

from typing import Any

import django_filters
from django import forms

from apps.deployments.models import DeployEvent
from apps.deployments.states import ACTIVE, Action, Approval, Status

_SELECT = {"class": "form-select"}


class EventFilter(django_filters.FilterSet):
    """By app (its slug, also of removed ones), action and status."""

    app = django_filters.ChoiceFilter(
        field_name="slug", label="App", empty_label="Every app", widget=forms.Select(attrs=_SELECT)
    )
    action = django_filters.ChoiceFilter(
        choices=Action.choices,
        label="Action",
        empty_label="Every action",
        widget=forms.Select(attrs=_SELECT),
    )
    status = django_filters.ChoiceFilter(
        choices=[("active", "Queued or running"), ("approval", "Waiting for approval"), *Status.choices],
        method="by_status",
        label="Status",
        empty_label="Every status",
        widget=forms.Select(attrs=_SELECT),
    )

    class Meta:
        model = DeployEvent
        fields: list[str] = []

    def __init__(self, *args: Any, apps: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        slugs = apps.order_by("slug").values_list("slug", flat=True).distinct()
        self.filters["app"].extra["choices"] = [(slug, slug) for slug in slugs]

    def by_status(self, events: Any, name: str, value: str) -> Any:
        if value == "approval":
            return events.filter(status=Status.QUEUED, approval=Approval.AWAITED)
        return events.filter(status__in=ACTIVE) if value == "active" else events.filter(status=value)
