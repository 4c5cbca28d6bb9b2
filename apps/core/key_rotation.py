"""Encrypting everything that is stored anew with the first key, while the panel runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models, transaction

from apps.core.fields import EncryptedTextField
from apps.core.secret import Secret

BATCH = 200
# Somebody may store with the old key until their process has seen the new one.
_MOST_PASSES = 3

_Token = tuple[int, str]  # primary key of a row, and what is stored in it


class Store(Protocol):
    """A place where encrypted texts lie."""

    @property
    def name(self) -> str:
        """What people know it by."""

    def read(self, after: int, limit: int) -> Sequence[_Token]:
        """Return the next `limit` tokens by primary key, those above `after`."""

    def replace(self, pk: int, old: str, new: str) -> bool:
        """Put `new` in place of `old` in one statement; False where it is not there any more."""


@dataclass(frozen=True)
class FieldStore:
    """One `EncryptedTextField` of a model; also of rows that the model itself never changes."""

    model: type[models.Model]
    field: str

    @property
    def name(self) -> str:
        return f"{self.model._meta.db_table}.{self.field}"

    def read(self, after: int, limit: int) -> Sequence[_Token]:
        rows = self._rows().filter(pk__gt=after).order_by("pk").values_list("pk", self.field)[:limit]
        return [(pk, secret.token()) for pk, secret in rows if secret is not None]

    def replace(self, pk: int, old: str, new: str) -> bool:
        unchanged = self._rows().filter(**{"pk": pk, self.field: Secret.from_token(old)})
        return bool(unchanged.update(**{self.field: Secret.from_token(new)}))

    def _rows(self) -> models.QuerySet[models.Model]:
        # Not the model's own manager: what a version says stays the same, so its rule is kept.
        return models.QuerySet(self.model)


_others: list[Callable[[], Store]] = []


def also_rotate(store: Callable[[], Store]) -> None:
    """Have the tokens in what `store` makes rotated too: those that are in no `EncryptedTextField`.

    To be called in the `ready()` of the app that keeps them.
    """
    _others.append(store)


def stores() -> list[Store]:
    """Return every place where encrypted texts lie."""
    found: list[Store] = [
        FieldStore(model, field.name)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField)
    ]
    return found + [store() for store in _others]


@dataclass
class Tally:
    """What one store holds: texts by the first key, by an older one, and by none of the keys."""

    name: str
    current: int = 0
    old: int = 0
    unreadable: int = 0
    renewed: int = 0

    @property
    def is_done(self) -> bool:
        """Whether every text uses the first key."""
        return not self.old and not self.unreadable


class _Keys:
    """The keys that hold as a rotation begins."""

    def __init__(self) -> None:
        keys = [Fernet(key) for key in settings.SIMPLEDEPLOY_ENCRYPTION_KEYS]
        self._first = keys[0]
        self._all = MultiFernet(keys)

    def is_current(self, token: str) -> bool:
        try:
            self._first.decrypt(token)
        except InvalidToken:
            return False
        return True

    def renewed(self, token: str) -> str | None:
        """Return the text of `token` by the first key; None where none of the keys opens it."""
        try:
            return self._all.rotate(token).decode()
        except InvalidToken:
            return None


def count(store: Store) -> Tally:
    """Return which keys the texts in `store` use; changes nothing."""
    keys = _Keys()
    tally = Tally(store.name)
    for batch in _batches(store):
        for _pk, token in batch:
            if keys.is_current(token):
                tally.current += 1
            elif keys.renewed(token) is None:
                tally.unreadable += 1
            else:
                tally.old += 1
    return tally


def rotate(store: Store, progress: Callable[[int], None] = lambda done: None) -> Tally:
    """Encrypt what is in `store` with the first key, by batches, and return how it stands afterwards.

    It can end at any moment, also by SIGKILL, and go on later: a text is replaced in one statement, and
    which key it uses is seen from itself. What somebody stores meanwhile is never overwritten. `progress`
    is told after each batch how many were renewed.
    """
    renewed = 0
    for _ in range(_MOST_PASSES):
        keys = _Keys()
        for batch in _batches(store):
            # Deciphered before the transaction: while that one runs, other writers of SQLite wait.
            changes = [
                (pk, token, new)
                for pk, token in batch
                if not keys.is_current(token) and (new := keys.renewed(token))
            ]
            with transaction.atomic():
                renewed += sum(store.replace(pk, old, new) for pk, old, new in changes)
            progress(renewed)
        tally = count(store)
        if not tally.old:
            break
    tally.renewed = renewed
    return tally


def _batches(store: Store) -> Iterator[Sequence[_Token]]:
    last = 0
    while batch := store.read(last, BATCH):
        yield batch
        last = batch[-1][0]
