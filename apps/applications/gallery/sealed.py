"""Secrets that were generated for a form, on their way through the browser and back: encrypted, for a day.

So nothing is stored for a form that nobody sends, and neither a page nor an address holds a secret.
"""

import json
import time

from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.core.secret import Secret, UndecryptableError

_SECONDS = 24 * 3600
_PURPOSE = "environment of a form"


class SealBroken(DomainError):
    """A sealed environment that is too old, or no such thing."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The secrets that were made for this form are gone: they keep for a day. "
                "Nothing was changed. Start from the template again."
            )
        )


def seal(environment: str) -> str:
    """Return `environment` so that only the panel can read it again."""
    told = {"is": _PURPOSE, "until": time.time() + _SECONDS, "environment": environment}
    return Secret(json.dumps(told)).token()


def opened(text: str) -> str:
    """Return the environment that `seal` made `text` of. Raises SealBroken."""
    try:
        told = json.loads(Secret.from_token(text).reveal())
    except (UndecryptableError, ValueError):
        raise SealBroken from None
    # What is stored encrypted elsewhere (an environment, a session) is none of these, whatever it says.
    if not isinstance(told, dict) or told.get("is") != _PURPOSE:
        raise SealBroken
    if told["until"] < time.time():
        raise SealBroken
    return str(told["environment"])
