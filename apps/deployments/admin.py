"""The record of who did what, for everybody who may see the apps. Nobody changes it here."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy

from apps.accounts import policy, rate_limits
from apps.accounts.admin_access import HistoryAdmin, TypedFilter
from apps.applications.models import App
from apps.deployments.csv_export import csv_response
from apps.deployments.models import DeployEvent, DeployLog


class AppFilter(TypedFilter):
    """By slug, as the record keeps it: of all apps that had the name."""

    title = gettext_lazy("app")
    parameter_name = column = "slug"


class PersonFilter(TypedFilter):
    """By the name that the record keeps, also of people who have no account any more."""

    title = gettext_lazy("person")
    parameter_name, column = "person", "requested_by"


@admin.register(DeployEvent)
class DeployEventAdmin(HistoryAdmin):
    change_list_template = "admin/deployments/deployevent/change_list.html"
    list_display = (
        "id",
        "slug",
        "action",
        "status",
        "requested_by",
        "queued",
        "ran_for",
        "version_number",
        "requested_from",
    )
    list_display_links = ("id", "slug")
    list_filter = (AppFilter, "action", "status", PersonFilter, "queued_at")
    list_select_related = ("version",)
    search_fields = ("slug", "app__name", "requested_by", "requested_from", "error", "=id")
    search_help_text = gettext_lazy("App, person, where from, error, or the event's number")
    ordering = ("-pk",)
    sortable_by = ("id", "slug", "action", "status", "requested_by", "queued")
    fieldsets = (
        (None, {"fields": ("slug", "app", "action", "asked_for", "version", "status", "error", "cause")}),
        (
            gettext_lazy("Who and when"),
            {
                "fields": (
                    "requested_by",
                    "requested_from",
                    "approval",
                    "approval_by",
                    "approved",
                    "approval_note",
                    "approval_sha256",
                    "cancel_requested_by",
                    "cancel_requested",
                    "queued",
                    "started",
                    "finished",
                    "worker",
                )
            },
        ),
        (
            gettext_lazy("How it went"),
            {
                "fields": (
                    "planned",
                    "step",
                    "exit_code",
                    "step_table",
                    "service_table",
                    "last_lines",
                    "image_table",
                    "last_output",
                )
            },
        ),
    )

    def app_of(self, obj: DeployEvent) -> App | None:
        return obj.app

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = super().get_queryset(request).select_related("app", "version__app")
        # The list shows no text that can be long: a file has up to 1 MiB, and many events share it.
        return events.defer("version__yaml", "version__environment", "output_tail")

    def get_readonly_fields(self, request: HttpRequest, obj: DeployEvent | None = None) -> list[str]:
        return flatten_fieldsets(self.fieldsets)

    def view_on_site(self, obj: DeployEvent) -> str:
        return reverse("event", args=[obj.pk])

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/", export, name="deployments_deployevent_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with every event of the list's filters, search and date as CSV, not only of one page."""
        policy.require_somewhere(request.user, self.to_view)
        rate_limits.count(request, rate_limits.DOWNLOADS)
        try:
            selection = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:deployments_deployevent_changelist")
        return csv_response(selection)

    @admin.display(description=gettext_lazy("queued at"), ordering="queued_at")
    def queued(self, event: DeployEvent) -> str:
        return _moment(event.queued_at)

    @admin.display(description=gettext_lazy("started at"))
    def started(self, event: DeployEvent) -> str:
        return _moment(event.started_at)

    @admin.display(description=gettext_lazy("finished at"))
    def finished(self, event: DeployEvent) -> str:
        return _moment(event.finished_at)

    @admin.display(description=gettext_lazy("cancel requested at"))
    def cancel_requested(self, event: DeployEvent) -> str:
        return _moment(event.cancel_requested_at)

    @admin.display(description=gettext_lazy("approval at"))
    def approved(self, event: DeployEvent) -> str:
        return _moment(event.approval_at)

    @admin.display(description=gettext_lazy("version"), ordering="version__number")
    def version_number(self, event: DeployEvent) -> int | None:
        return event.version.number if event.version else None

    @admin.display(description=gettext_lazy("ran for"))
    def ran_for(self, event: DeployEvent) -> str | None:
        if not (event.started_at and event.finished_at):
            return None
        return f"{(event.finished_at - event.started_at).total_seconds():.1f} s"

    @admin.display(description=gettext_lazy("arguments"))
    def asked_for(self, event: DeployEvent) -> str:
        return json.dumps(event.arguments, ensure_ascii=False) if event.arguments else gettext("none")

    @admin.display(description=gettext_lazy("planned"))
    def planned(self, event: DeployEvent) -> str:
        rows = [
            {**service, "reasons": "; ".join(reason["text"] for reason in service["reasons"])}
            for service in event.plan.get("services", [])
        ]
        return _table(rows, ("service", "action", "reasons"))

    @admin.display(description=gettext_lazy("steps"))
    def step_table(self, event: DeployEvent) -> str:
        return _table(event.steps, ("name", "started_at", "finished_at", "exit_code"))

    @admin.display(description=gettext_lazy("services"))
    def service_table(self, event: DeployEvent) -> str:
        columns = ("service", "container", "state", "health", "exit_code", "restarts", "verdict", "reason")
        return _table(event.services, (*columns, "image"))

    @admin.display(description=gettext_lazy("last lines of what failed"))
    def last_lines(self, event: DeployEvent) -> str:
        logs = [(s["container"], "\n".join(s["log"])) for s in event.services if s.get("log")]
        return format_html_join("", '<p>{}</p><pre class="record">{}</pre>', logs) or gettext("none")

    @admin.display(description=gettext_lazy("images"))
    def image_table(self, event: DeployEvent) -> str:
        rows = [{"service": service, **image} for service, image in sorted(event.images.items())]
        return _table(rows, ("service", "image", "digest"))

    @admin.display(description=gettext_lazy("last output"))
    def last_output(self, event: DeployEvent) -> str:
        return (
            format_html('<pre class="record">{}</pre>', event.output_tail)
            if event.output_tail
            else gettext("none")
        )

    class Media:
        css = {"all": ["css/records.css"]}


@admin.register(DeployLog)
class DeployLogAdmin(HistoryAdmin):
    list_display = ("event", "first_seq", "last_seq")
    list_select_related = ("event",)
    search_fields = ("=event__id", "event__slug")
    ordering = ("-pk",)
    fields = ("event", "first_seq", "last_seq", "text")
    readonly_fields = fields

    def app_of(self, obj: DeployLog) -> App | None:
        return obj.event.app

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # The list shows no lines: a chunk may hold hundreds.
        return super().get_queryset(request).select_related("event__app").defer("lines", "event__output_tail")

    @admin.display(description=gettext_lazy("lines"))
    def text(self, chunk: DeployLog) -> str:
        text = "\n".join(f"{at} {stream:6} {line}" for at, stream, line in chunk.lines)
        return format_html('<pre class="record">{}</pre>', text)

    class Media:
        css = {"all": ["css/records.css"]}


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    """Return `rows` as an HTML table; what a row lacks stays empty."""
    if not rows:
        return gettext("none")
    head = format_html_join("", '<th scope="col">{}</th>', ((name.replace("_", " "),) for name in columns))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            (format_html_join("", "<td>{}</td>", ((_shown(row.get(name)),) for name in columns)),)
            for row in rows
        ),
    )
    return format_html(
        '<table class="record"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )


def _moment(at: datetime | None) -> str:
    """Return `at` to the second: Django's own form drops the seconds."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}" if at else "-"


def _shown(value: Any) -> Any:
    return "" if value is None else value
