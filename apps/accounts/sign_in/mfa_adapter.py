"""What django-allauth's second factors do differently for this panel."""

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext_lazy

from apps.accounts.models import User
from apps.accounts.sign_in.second_factor import FACTORS, is_required
from apps.core.secret import Secret


class MFAAdapter(DefaultMFAAdapter):
    """Secrets encrypted with the panel's keys, the panel's name, and no way out of what is required."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": gettext_lazy("Incorrect code."),
        "cannot_delete_authenticator": gettext_lazy(
            "This panel requires a second factor of you. Set up another first."
        ),
    }

    def encrypt(self, text: str) -> str:
        return Secret(text).token()

    def decrypt(self, encrypted_text: str) -> str:
        return Secret.from_token(encrypted_text).reveal()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        return not is_required(authenticator.user) or others.exclude(pk=authenticator.pk).exists()

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        return f"Key {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"

    def _get_user_identifier(self, user: User) -> str:
        return user.get_username()

    def _get_site_name(self) -> str:
        return "SimpleDeploy"
