"""Tokens: how scripts and machines show who they are, for a part of what their account may do."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Role, Token, User
from apps.accounts.policy import Permission, Scope
from apps.core.errors import Conflict, DomainError, NotAllowed, NotFound

# By it people, and tools that look for secrets, recognise a token.
PREFIX: Final = "sd_"
# 256 bits: nobody guesses one, so a plain hash keeps it as well as a slow one would.
_RANDOM_BYTES = 32
_SHOWN_CHARACTERS = 8
_LONGEST = 200
DEFAULT_DAYS, MOST_DAYS = 90, 365
# The last use is written at most so often.
_USED_EVERY = timedelta(minutes=1)

# Whoever manages the panel is a person.
MACHINE_ROLES: Final = ("", Role.VIEWER, Role.OPERATOR, Role.DEPLOYER, Role.OWNER)

# What a token may be for. All else asks a person to show who they are: values of environments, consoles,
# access, people, registries, rules about the host, other tokens, and the second pair of eyes.
PERMISSIONS: Final = (
    Permission.VIEW,
    Permission.READ_LOGS,
    Permission.OPERATE,
    Permission.DEPLOY,
    Permission.CONFIGURE,
    Permission.REMOVE,
    Permission.ADOPT,
    Permission.PRUNE,
    Permission.VIEW_AUDIT,
)


class InvalidToken(DomainError):
    """A token that is wrong, has expired, was revoked, or whose account is disabled."""

    http_status = 401


class InvalidTokenRequest(DomainError):
    """A token that cannot be made so."""


def make(
    user: User,
    name: str,
    by: Actor,
    *,
    permissions: Iterable[str],
    apps: Collection[int] | None = None,
    days: int = DEFAULT_DAYS,
) -> tuple[Token, str]:
    """Make a token of `user` and return it with its text, which is not kept and never shown again.

    It is for `permissions` on the apps with these keys (None: on all and the panel as a whole), for `days`
    days. Raises InvalidTokenRequest, and NotAllowed where it is for somebody else who is no machine.
    """
    _require_to_make(user, by)
    name = " ".join(name.split())
    wanted = set(permissions)
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidTokenRequest(
            gettext("A token has a name of 1 to 100 characters, which says what uses it.")
        )
    if not wanted or not wanted <= set(PERMISSIONS):
        raise InvalidTokenRequest(
            gettext("A token is for one or more of: %(permissions)s.")
            % {"permissions": ", ".join(PERMISSIONS)}
        )
    if apps is not None and not apps:
        raise InvalidTokenRequest(gettext("Choose at least one app, or all of them."))
    if not 1 <= days <= MOST_DAYS:
        raise InvalidTokenRequest(gettext("A token expires after 1 to %(days)s days.") % {"days": MOST_DAYS})
    if not user.is_active:
        raise InvalidTokenRequest(
            gettext("%(user)s is disabled; a token of theirs would do nothing.") % {"user": user}
        )
    text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    with transaction.atomic():
        token = Token.objects.create(
            user=user,
            name=name,
            start=text[:_SHOWN_CHARACTERS],
            digest=_digest(text),
            permissions=[permission.value for permission in PERMISSIONS if permission in wanted],
            apps=None if apps is None else sorted(apps),
            made_by=by.name[:150],
            expires_at=timezone.now() + timedelta(days=days),
        )
        record(
            by,
            AuditAction.TOKEN_MADE,
            _words(token),
            after={"for": token.permissions, "apps": token.apps, "expires": token.expires_at},
        )
    return token, text


def revoke(token: Token, by: Actor) -> None:
    """End `token` at once, open WebSockets included. Raises NotAllowed, and Conflict where it has ended."""
    _require_to_revoke(token.user, by)
    with transaction.atomic():
        locked = Token.objects.select_for_update().get(pk=token.pk)
        if locked.revoked_at is not None:
            raise Conflict(gettext("The token %(name)s was revoked already.") % {"name": token.name})
        locked.revoked_at = timezone.now()
        locked.revoked_by = by.name[:150]
        # Not by update(): who watches for changes of access is told.
        locked.save(update_fields=["revoked_at", "revoked_by"])
        record(by, AuditAction.TOKEN_REVOKED, _words(token))


def make_machine(name: str, role: str, by: Actor) -> User:
    """Make the account of a machine, with `role` for all apps ("": none); it has no password ever.

    Raises InvalidTokenRequest, Conflict where the name is taken, NotAllowed.
    """
    _require_manager(by)
    user = User(username=name.strip(), role=role, is_machine=True)
    if not name.strip() or role not in MACHINE_ROLES:
        raise InvalidTokenRequest(gettext("A machine has a name, and any role but administrator, or none."))
    if any(not (c.isalnum() or c in "@.+-_") for c in user.username) or len(user.username) > 150:
        raise InvalidTokenRequest(gettext("The name of a machine has letters, digits and @ . + - _ only."))
    try:
        with transaction.atomic():
            if User.objects.filter(username__iexact=user.username).exists():
                raise Conflict(
                    gettext("There is already an account named %(user)s.") % {"user": user.username}
                )
            user.save()
            record(by, AuditAction.PERSON_ADDED, f"machine {user}", after={"machine": True, "role": role})
    except IntegrityError:
        raise Conflict(
            gettext("There is already an account named %(user)s.") % {"user": user.username}
        ) from None
    return user


def whom(text: str, address: str = "") -> User:
    """Return the account that the token `text` stands for, with its scope; note its use from `address`.

    Raises InvalidToken.
    """
    token = None
    if text.startswith(PREFIX) and len(text) <= _LONGEST:
        digest = _digest(text)
        found = Token.objects.select_related("user").filter(digest=digest).first()
        # The index has compared already, of a hash that nobody can steer; here without a hint by time.
        if found is not None and hmac.compare_digest(found.digest, digest):
            token = found
    user = _user(token)
    assert token is not None, "a user has a token here"
    _note_use(token, address)
    return user


def still(pk: int) -> User:
    """Return the account of token `pk`, as it is now. Raises InvalidToken."""
    return _user(Token.objects.select_related("user").filter(pk=pk).first())


def scope_of(token: Token) -> Scope:
    """Return what `token` may be used for."""
    permissions = frozenset(permission for permission in PERMISSIONS if permission in token.permissions)
    return Scope(permissions, None if token.apps is None else frozenset(token.apps))


def manageable_by(user: User) -> QuerySet[Token]:
    """Return the tokens that `user` may see and revoke: their own, for administrators all."""
    tokens = Token.objects.select_related("user")
    return tokens if policy.allows(user, Permission.MANAGE_PEOPLE) else tokens.filter(user=user)


def get(pk: int, user: User) -> Token:
    """Return token `pk` where `user` may manage it. Raises NotFound."""
    token = manageable_by(user).filter(pk=pk).first()
    if token is None:
        raise NotFound(gettext("There is no token %(number)s.") % {"number": pk})
    return token


def from_settings() -> Actor | None:
    """Return whom SIMPLEDEPLOY_TOKEN stands for on the command line, None where it is not set.

    Raises InvalidToken.
    """
    if not settings.SIMPLEDEPLOY_TOKEN:
        return None
    user = whom(settings.SIMPLEDEPLOY_TOKEN, "command line")
    assert user.token is not None, "it came by one"
    # Another origin than that of the machine's own commands, which are trusted with everything.
    return Actor(user.get_username(), "command line with a token", user, token=user.token.name)


def _user(token: Token | None) -> User:
    if token is None or not token.is_valid or not token.user.is_active:
        raise InvalidToken(gettext("This token is not valid: it is wrong, has expired or was revoked."))
    user: User = token.user
    user.scope, user.token = scope_of(token), token
    return user


def _note_use(token: Token, address: str) -> None:
    now = timezone.now()
    # Where many requests come at once, one of them writes.
    due = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_EVERY)
    Token.objects.filter(due, pk=token.pk).update(last_used_at=now, last_used_from=address[:64])


def _require_to_make(user: User, by: Actor) -> None:
    if _is_own(user, by):
        return
    _require_manager(by)
    if not user.is_machine:
        raise NotAllowed(gettext("Nobody makes a token that stands for another person."))


def _require_to_revoke(user: User, by: Actor) -> None:
    if not _is_own(user, by):
        _require_manager(by)


def _is_own(user: User, by: Actor) -> bool:
    return by.user is not None and by.user.pk == user.pk and not by.token


def _require_manager(by: Actor) -> None:
    """Raise NotAllowed unless `by` manages people; whoever runs commands on the machine does."""
    if by.token or (by.user is not None and not policy.allows(by.user, Permission.MANAGE_PEOPLE)):
        raise NotAllowed(gettext("Only an administrator manages the tokens of others."))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _words(token: Token) -> str:
    return f"token {token.name} of {token.user.get_username()}"
