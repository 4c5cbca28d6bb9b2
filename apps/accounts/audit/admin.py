"""The audit in the admin, for those who may see it. Nobody changes it, there or anywhere else."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, gettext_lazy

from apps.accounts import policy, rate_limits
from apps.accounts.actor import Actor
from apps.accounts.admin_access import PolicyAdmin, TypedFilter
from apps.accounts.audit import AuditAction, export, record
from apps.accounts.audit.models import AuditEntry
from apps.accounts.models import User
from apps.accounts.policy import Permission


class PersonFilter(admin.SimpleListFilter):
    """By the name of an account; who has none any more is found by the search."""

    title = gettext_lazy("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = User.objects.order_by("username").values_list("username", flat=True)
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(actor=self.value()) if self.value() else queryset


class AppFilter(TypedFilter):
    """By slug, as the entries keep it: also of apps that were removed."""

    title = gettext_lazy("app")
    parameter_name, column = "app", "app_slug"


@admin.register(AuditEntry)
class AuditAdmin(PolicyAdmin):
    to_view = Permission.VIEW_AUDIT
    actions = None
    change_list_template = "admin/accounts/auditentry/change_list.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_display = ("number", "moment", "actor", "action", "on", "app_slug", "outcome", "address")
    list_filter = ("at", PersonFilter, "action", AppFilter)
    search_fields = ("actor", "on", "address", "token")
    search_help_text = gettext_lazy("Person, what it was done to, address, or token")
    ordering = ("-number",)
    sortable_by = ("number",)
    fieldsets = (
        (None, {"fields": ("number", "moment", "actor", "action", "on", "app_slug", "outcome", "changes")}),
        (gettext_lazy("From where"), {"fields": ("origin", "address", "agent", "token", "user_id")}),
        (gettext_lazy("Its place in the chain"), {"fields": ("previous", "hash", "key", "seal")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: AuditEntry | None = None) -> list[str]:
        return flatten_fieldsets(self.fieldsets)

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.export_view)
        return [path("export/", download, name="accounts_auditentry_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with every entry of the list's filters and search as JSON lines, the oldest first."""
        policy.require(request.user, self.to_view)
        rate_limits.count(request, rate_limits.DOWNLOADS)
        try:
            selection = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:accounts_auditentry_changelist")
        record(
            Actor.from_request(request),
            AuditAction.AUDIT_EXPORTED,
            "audit",
            after={"filters": request.GET.dict()},
        )
        day = timezone.localdate().isoformat()
        return StreamingHttpResponse(
            export.stream(selection),
            content_type="application/x-ndjson",
            headers={
                "Content-Disposition": f'attachment; filename="simpledeploy-audit-{day}.jsonl"',
                "Cache-Control": "no-store",
            },
        )

    @admin.display(description=gettext_lazy("at (UTC)"), ordering="number")
    def moment(self, entry: AuditEntry) -> str:
        return format_html('<span class="moment">{}</span>', f"{entry.at:%Y-%m-%d %H:%M:%S}")

    @admin.display(description=gettext_lazy("before and after"))
    def changes(self, entry: AuditEntry) -> str:
        before, after = json.loads(entry.before) or {}, json.loads(entry.after) or {}
        names = [*before, *(name for name in after if name not in before)]
        if not names:
            return gettext("nothing noted")
        rows = format_html_join(
            "",
            "<tr><th scope='row'>{}</th><td>{}</td><td>{}</td></tr>",
            ((name, _shown(before, name), _shown(after, name)) for name in names),
        )
        return format_html(
            "<table class='record'><thead><tr><th scope='col'>{}</th><th scope='col'>{}</th>"
            "<th scope='col'>{}</th></tr></thead><tbody>{}</tbody></table>",
            gettext("Field"),
            gettext("Before"),
            gettext("After"),
            rows,
        )

    class Media:
        css = {"all": ["css/records.css"]}


def _shown(fields: dict[str, Any], name: str) -> str:
    if name not in fields:
        return "–"
    value = fields[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
