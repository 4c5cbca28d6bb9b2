"""Reports of unexpected errors, without the values that were in hand."""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from apps.core.secret import MASK


class NoValuesFilter(SafeExceptionReporterFilter):
    """Shows where an error happened and never with which values: variables, forms and cookies are masked.

    The panel shows and sends no such reports. This is for whoever turns on DEBUG, or adds a handler that
    mails them: nobody can know which variable holds an environment.
    """

    def is_active(self, request: HttpRequest | None) -> bool:
        # Django's own lets everything through while DEBUG is on.
        return True

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return dict.fromkeys(tb_frame.f_locals, MASK).items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, MASK)

    def get_safe_settings(self) -> dict[str, Any]:
        return {}

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, MASK)

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta: dict[str, Any] = super().get_safe_request_meta(request)
        hidden = {"HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_X_CSRFTOKEN"}
        return {name: MASK if name in hidden else value for name, value in meta.items()}
