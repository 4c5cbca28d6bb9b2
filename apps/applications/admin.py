"""Apps and the versions of their Compose files, as records."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.admin_access import HistoryAdmin, PolicyAdmin
from apps.accounts.policy import Permission
from apps.applications import environment
from apps.applications.models import App, ComposeVersion
from apps.applications.services import save_settings
from apps.core.secret import UndecryptableError


@admin.register(App)
class AppAdmin(PolicyAdmin):
    """Apps come and go by events; here only their name and time limit change."""

    to_change = Permission.CONFIGURE
    actions = None
    list_display = ("slug", "name", "version_number", "created_by", "created_at", "removed_at")
    list_filter = (("removed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("current_version", "created_by")
    search_fields = ("slug", "name")
    fields = ("slug", "name", "verify_timeout", "current_version", "created_by", "created_at", "removed_at")
    readonly_fields = ("slug", "current_version", "created_by", "created_at", "removed_at")
    show_full_result_count = False

    def app_of(self, obj: App) -> App:
        return obj

    def save_model(self, request: HttpRequest, obj: App, form: Any, change: bool) -> None:
        save_settings(obj, self.changed_fields(form), Actor.from_request(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[App]:
        apps = policy.visible(request.user, super().get_queryset(request))
        return apps.defer("current_version__yaml", "current_version__environment")

    def has_change_permission(self, request: HttpRequest, obj: App | None = None) -> bool:
        is_removed = obj is not None and obj.removed_at is not None
        return not is_removed and super().has_change_permission(request, obj)

    def view_on_site(self, obj: App) -> str | None:
        return None if obj.removed_at else reverse("app", args=[obj.slug])

    @admin.display(description=gettext_lazy("version"), ordering="current_version__number")
    def version_number(self, app: App) -> int | None:
        return app.current_version.number if app.current_version else None


@admin.register(ComposeVersion)
class ComposeVersionAdmin(HistoryAdmin):
    secret_fields = ("environment",)
    list_display = ("app", "number", "short_hash", "note", "author_name", "created_at")
    list_display_links = ("app", "number")
    list_select_related = ("app",)
    search_fields = ("app__slug", "note", "author_name", "sha256")
    date_hierarchy = "created_at"
    ordering = ("-pk",)
    fields = ("app", "number", "file", "masked_environment", "sha256", "note", "author_name", "created_at")
    readonly_fields = fields

    def app_of(self, obj: ComposeVersion) -> App:
        return obj.app

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # The list shows no file: each may have 1 MiB.
        return super().get_queryset(request).select_related("app").defer("yaml", "environment")

    @admin.display(description="SHA-256", ordering="sha256")
    def short_hash(self, version: ComposeVersion) -> str:
        return version.sha256[:12]

    @admin.display(description=gettext_lazy("Compose file"))
    def file(self, version: ComposeVersion) -> str:
        return format_html('<pre class="record">{}</pre>', version.yaml)

    @admin.display(description=gettext_lazy("environment"))
    def masked_environment(self, version: ComposeVersion) -> str:
        try:
            text = environment.mask(version.environment.reveal())
        except UndecryptableError as error:
            return str(error)
        return format_html('<pre class="record">{}</pre>', text) if text else gettext("none")

    class Media:
        css = {"all": ["css/records.css"]}
