"""What django-allauth does differently for this panel."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from apps.accounts.models import User
from apps.accounts.sign_in import recent
from apps.accounts.sign_in.throttling import TooManyAttempts, seconds_to_wait


class AccountAdapter(DefaultAccountAdapter):
    """No open sign-up, one count of failures per account, and this panel's rule of what is recent."""

    # Allauth's own words, which only its own catalogue could have in other languages.
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": gettext_lazy(
            "The username and/or password you specified are not correct."
        ),
        "incorrect_password": gettext_lazy("Incorrect password."),
        "enter_current_password": gettext_lazy("Please type your current password."),
    }
    # What the next page shows anyway.
    _UNSAID = frozenset({"account/messages/logged_in.txt", "account/messages/logged_out.txt"})

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        if message_template not in self._UNSAID:
            super().add_message(request, level, message_template, message_context, extra_tags, message)

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        # The form never comes here: to it a disabled account is one that does not exist.
        return redirect("account_login")

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        # Allauth itself does not count the sign-in that has just happened.
        return not recent.is_recent(self.request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            wait = TooManyAttempts(seconds_to_wait(request, "login_failed", key))
            raise ValidationError(str(wait), code=error.code) from None

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # Allauth's own begins with the Host header, which whoever guesses can vary (by its port).
        return str(credentials.get("username", "")).casefold()
