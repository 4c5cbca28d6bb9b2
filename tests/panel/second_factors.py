"""An authenticator app for tests, and people who use one."""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from apps.accounts.models import User
from tests.accounts.people import PASSWORD

KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PERIOD = 30


def code(key: str = KEY, *, later: int = 0) -> str:
    """Return the code that an app with `key` shows now, or `later` periods from now."""
    return format_hotp_value(hotp_value(key, int(time.time()) // PERIOD + later))


def give_app(user: User) -> Authenticator:
    """Give `user` an authenticator app with KEY."""
    return TOTP.activate(user, KEY).instance


def password_step(user: User, client: Client | None = None) -> Client:
    """Return a client at which `user` has given the password, and nothing more."""
    client = client or Client()
    answer = client.post("/login/", {"username": user.username, "password": PASSWORD})
    assert answer["Location"] == "/login/second-factor/"
    return client


def code_step(client: Client, given: str) -> Any:
    return client.post("/login/second-factor/", {"code": given})
