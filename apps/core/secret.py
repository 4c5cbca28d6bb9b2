"""A text that must not be shown, and its form in the database."""

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext

from apps.core.errors import DomainError

MASK = "••••••••"


class UndecryptableError(DomainError):
    """A stored secret that none of the configured keys opens."""

    http_status = 500


class Secret:
    """A text whose `str` and `repr` are a mask; `reveal()` is the one way to it.

    A secret that comes from the database stays encrypted until it is revealed, so a missing key
    is an error where the secret is used, not on every page that lists its row.
    """

    __slots__ = ("_text", "_token")

    def __init__(self, text: str) -> None:
        self._text: str | None = text
        self._token: str | None = None

    @classmethod
    def from_token(cls, token: str) -> "Secret":
        """Return the secret that `token` (Fernet, as stored) holds, not yet decrypted."""
        secret = cls.__new__(cls)
        secret._text, secret._token = None, token
        return secret

    def reveal(self) -> str:
        """Return the text. Raises UndecryptableError where no configured key opens it."""
        if self._text is None:
            try:
                self._text = (
                    _ring(tuple(settings.SIMPLEDEPLOY_ENCRYPTION_KEYS)).decrypt(self._token or "").decode()
                )
            except InvalidToken:
                raise UndecryptableError(
                    gettext(
                        "A stored secret cannot be decrypted with the keys of this panel. Put the key "
                        "that encrypted it back into SIMPLEDEPLOY_ENCRYPTION_KEYS, or set the secret "
                        "anew."
                    )
                ) from None
        return self._text

    def token(self) -> str:
        """Return the encrypted form for the database; an unchanged secret keeps the one it came with."""
        if self._token is None:
            self._token = (
                _ring(tuple(settings.SIMPLEDEPLOY_ENCRYPTION_KEYS))
                .encrypt((self._text or "").encode())
                .decode()
            )
        return self._token

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    __hash__ = None  # type: ignore[assignment]


@cache
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
