"""The first administrator of a panel that nobody has claimed yet."""

import base64
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.models import Role, User
from apps.core.errors import DomainError, NotAllowed, NotFound


class AlreadyClaimed(NotFound):
    """An attempt to claim a panel that has its administrator."""


class WrongCode(NotAllowed):
    """A code that is not the one the terminal shows."""


class InvalidFirstAdministrator(DomainError):
    """A first administrator in the environment that cannot be made."""


def is_unclaimed() -> bool:
    """Tell whether nobody has an account yet."""
    return not User.objects.exists()


def setup_code() -> str:
    """Return the code (100 bits, in groups of five) that claims the panel while it has no account.

    It follows from the secret key, so that every process of the panel knows it and nothing keeps it.
    """
    digest = salted_hmac("simpledeploy.setup", "first administrator", algorithm="sha256").digest()
    letters = base64.b32encode(digest).decode()[:20]
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def is_setup_code(text: str) -> bool:
    """Tell whether `text` is the code; case, spaces and dashes do not matter."""
    return constant_time_compare(_plain(text), _plain(setup_code()))


def setup_link(base_url: str) -> str | None:
    """Return the one-time link below `base_url` for the terminal, or None once there is an account.

    The code stands in the fragment: browsers send it to no server, so no log and no Referer has it.
    """
    return f"{urljoin(base_url, reverse('setup'))}#{setup_code()}" if is_unclaimed() else None


def claim(code: str, administrator: User, by: Actor) -> User:
    """Store `administrator` (with name and password set) as the panel's first account.

    Raises AlreadyClaimed and WrongCode.
    """
    if not is_setup_code(code):
        raise WrongCode(gettext("This is not the code that the terminal shows. No account was made."))
    return _store_first(administrator, by)


def admin_from_environment() -> User | None:
    """Make the first administrator from SIMPLEDEPLOY_ADMIN_USERNAME and SIMPLEDEPLOY_ADMIN_PASSWORD.

    Returns None where neither is set or somebody has an account already. Raises
    InvalidFirstAdministrator; the password is never repeated.
    """
    username, password = settings.SIMPLEDEPLOY_ADMIN_USERNAME, settings.SIMPLEDEPLOY_ADMIN_PASSWORD
    if not (username or password) or not is_unclaimed():
        return None
    if not (username and password):
        missing = "PASSWORD" if username else "USERNAME"
        raise InvalidFirstAdministrator(
            f"SIMPLEDEPLOY_ADMIN_{missing} is not set. The first administrator needs a name and a password."
        )
    user = User(username=username)
    user.set_password(password)
    try:
        user.clean_fields()
    except ValidationError as error:
        raise InvalidFirstAdministrator(f"SIMPLEDEPLOY_ADMIN_USERNAME: {' '.join(error.messages)}") from None
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidFirstAdministrator(f"SIMPLEDEPLOY_ADMIN_PASSWORD: {' '.join(error.messages)}") from None
    try:
        return _store_first(user, Actor.from_command_line())
    except AlreadyClaimed:
        # Another process that starts at the same time was faster.
        return None


def _store_first(user: User, by: Actor) -> User:
    user.role = Role.ADMINISTRATOR
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # There is no row to lock yet. SQLite's transactions are immediate: one writer at a time.
            with connection.cursor() as cursor:
                cursor.execute(
                    f"LOCK TABLE {connection.ops.quote_name(User._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE"
                )
        if not is_unclaimed():
            raise AlreadyClaimed(gettext("This panel has its administrator already."))
        user.save(force_insert=True)
        record(by, AuditAction.PANEL_CLAIMED, f"person {user}", after={"role": user.role})
    return user


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum()).upper()
