"""Second factors: of whom one is required, what follows when one is set up, the rotation of their keys."""

from collections.abc import Sequence
from typing import Any, Final

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import User
from apps.accounts.policy import Permission
from apps.accounts.sign_in.sessions import end_other_sessions
from apps.core import key_rotation

# What counts; recovery codes only stand in for one of these.
FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_required(user: Any) -> bool:
    """Tell whether the panel's settings require a second factor of `user`."""
    match settings.SIMPLEDEPLOY_REQUIRE_SECOND_FACTOR:
        case "all":
            return True
        case "administrators":
            return policy.allows(user, Permission.MANAGE_PEOPLE)
    return False


def is_missing(user: Any) -> bool:
    """Tell whether `user`, who is signed in, has yet to set up the second factor that is required.

    Who comes by a token is not asked: a token is made by somebody who had one.
    """
    if getattr(user, "scope", None) is not None or not is_required(user):
        return False
    return not Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists()


def reset(user: User, by: Actor) -> int:
    """Remove all second factors of `user`, who has lost them, and return how many; it ends their sessions."""
    with transaction.atomic():
        found = Authenticator.objects.filter(user=user)
        kinds = sorted(found.values_list("type", flat=True))
        found.delete()
        end_other_sessions(user, None, by)
        if kinds:
            record(by, AuditAction.FACTOR_REMOVED, f"person {user}", before={"kinds": kinds})
    return len(kinds)


def connect() -> None:
    """Write entries about second factors, end the sessions begun without one, rotate their keys."""
    signals.authenticator_added.connect(_added, dispatch_uid="second_factor")
    signals.authenticator_removed.connect(_removed, dispatch_uid="second_factor")
    signals.authenticator_reset.connect(_reset, dispatch_uid="second_factor")
    signals.authentication_failed.connect(_failed, dispatch_uid="second_factor")
    key_rotation.also_rotate(AuthenticatorStore)


def _added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    by = Actor.person(request, user)
    record(by, AuditAction.FACTOR_ADDED, f"person {user}", after={"kind": authenticator.type})
    if authenticator.type in FACTORS:
        # They were begun by the password alone.
        end_other_sessions(user, request.session.session_key, by)


def _removed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    before = {"kind": authenticator.type}
    record(Actor.person(request, user), AuditAction.FACTOR_REMOVED, f"person {user}", before=before)


def _reset(request: HttpRequest, user: User, **_: Any) -> None:
    record(Actor.person(request, user), AuditAction.CODES_RENEWED, f"person {user}")


def _failed(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    by, kind = Actor.stranger(request, user.get_username()), {"kind": authenticator.type}
    record(by, AuditAction.SIGN_IN_FAILED, f"person {user}", after=kind, outcome="refused")


class AuthenticatorStore:
    """Where allauth keeps the keys of authenticator apps and of recovery codes, for the rotation of keys."""

    name = "mfa_authenticator.data"
    _PLACES: Final = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}

    def read(self, after: int, limit: int) -> Sequence[tuple[int, str]]:
        """Return the next `limit` tokens by primary key, those above `after`."""
        rows = Authenticator.objects.filter(pk__gt=after, type__in=self._PLACES).order_by("pk")[:limit]
        return [(row.pk, row.data[self._PLACES[row.type]]) for row in rows]

    def replace(self, pk: int, old: str, new: str) -> bool:
        """Put `new` in place of `old`, inside a transaction; False where it is not there any more."""
        row = Authenticator.objects.select_for_update().filter(pk=pk).first()
        if row is None or row.data[self._PLACES[row.type]] != old:
            return False
        row.data[self._PLACES[row.type]] = new
        row.save(update_fields=["data"])
        return True
