"""The admin, open to whom the policy lets in rather than to Django's staff flag."""

from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext, gettext_lazy

from apps.core.errors import NotFound


class PanelAdminConfig(AdminConfig):
    default_site = "apps.panel.admin_site.PanelAdminSite"


class PanelAdminSite(AdminSite):
    """Records for everybody who may see them; people and registries for administrators."""

    site_header = gettext_lazy("SimpleDeploy records")
    site_title = "SimpleDeploy"
    index_title = gettext_lazy("Records and accounts")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        # The settings name this module, so Django loads it before there are models.
        from apps.accounts.policy import Permission, allows_somewhere

        return allows_somewhere(request.user, Permission.VIEW)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Let changes through only shortly after people showed who they are, as the panel's own pages do."""
        guarded = super().admin_view(_within_numbers(view), cacheable)

        def confirmed(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            from apps.panel.access import recently_signed_in

            changes = request.method == "POST" and view != self.logout and request.user.is_authenticated
            return (recently_signed_in(guarded) if changes else guarded)(request, *args, **kwargs)

        return update_wrapper(confirmed, view)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Lead to the panel's own page: there is one way to change one's password."""
        return redirect("account_change_password")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send whoever is not signed in to the panel's own page; raise NotAllowed for who may see nothing."""
        from apps.accounts.policy import Permission, require_somewhere

        index = reverse("admin:index", current_app=self.name)
        target = request.GET.get(REDIRECT_FIELD_NAME, "")
        if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
            target = index
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?{urlencode({REDIRECT_FIELD_NAME: target})}")
        require_somewhere(request.user, Permission.VIEW)
        return redirect(index)


def _within_numbers(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let `view` answer a filter by a number that no database can hold as one that finds nothing."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except (OverflowError, DataError):
            if request.method != "GET":
                raise
            raise NotFound(gettext("No record can have what this address asks for.")) from None

    return wrapper
