"""Walking along the chain, to find what was changed, cut out or added."""

import json
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.db import connection

from apps.accounts.audit import chain, triggers
from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead

_AT_ONCE = 500


class Verification:
    """One walk along the chain, in constant memory. Afterwards it knows its ends.

    `expected` is the hash of an entry that somebody kept outside: where the chain has it no more, its end
    was cut off or written anew. Entries that come meanwhile are no fault, nor is a retention.
    """

    def __init__(self, expected: str = "", keys: Sequence[str] | None = None) -> None:
        self.first = self.last = self.count = 0
        self.hash = chain.BEGINNING
        self._keys = settings.SIMPLEDEPLOY_ENCRYPTION_KEYS if keys is None else keys
        self._expected = expected.lower()
        self._has_expected = not expected
        self._checkpoint = AuditCheckpoint(through=0, hash=chain.BEGINNING)
        # The retentions that the chain itself tells of, by what they cut off.
        self._retentions: dict[int, str] = {}
        self._last_is_sealed: bool | None = True

    def findings(self) -> Iterator[str]:
        """Yield a sentence for each fault, with the number of the entry that it is found at."""
        for name in triggers.missing(connection):
            yield f"The trigger {name} of the database is gone: entries may have been changed meanwhile."
        head = AuditHead.objects.first()
        if head is None:
            yield "The row that says where the audit ends is gone."
        self._checkpoint = AuditCheckpoint.objects.order_by("through").last() or self._checkpoint
        self.last, self.hash = self._checkpoint.through, self._checkpoint.hash
        self._look_for_expected(self.hash)
        yield from self._before_the_checkpoint()
        at_head = None
        for entry in self._entries():
            if isinstance(entry, str):
                yield entry
                continue
            yield from self._faults(entry)
            if head is not None and entry.number == head.number:
                at_head = entry.hash
        yield from self._at_the_end(head, at_head)

    def _entries(self) -> Iterator[AuditEntry | str]:
        """Yield the entries in their order, and a sentence for each that cannot even be read."""
        after = self._checkpoint.through
        while numbers := list(
            AuditEntry.objects.filter(number__gt=after)
            .order_by("number")
            .values_list("number", flat=True)[:_AT_ONCE]
        ):
            if not all(isinstance(number, int) for number in numbers):
                yield f"After entry {after} there is one whose number is no number; the rest was not read."
                return
            try:
                found = AuditEntry.objects.in_bulk(numbers)
                yield from (found[number] for number in numbers if number in found)
            except _UNREADABLE:
                yield from self._one_by_one(numbers)
            after = numbers[-1]

    @staticmethod
    def _one_by_one(numbers: Sequence[int]) -> Iterator[AuditEntry | str]:
        for number in numbers:
            try:
                entry = AuditEntry.objects.filter(number=number).first()
            except _UNREADABLE:
                yield f"Entry {number} was changed: it cannot be read."
            else:
                if entry is not None:
                    yield entry

    def _before_the_checkpoint(self) -> Iterator[str]:
        left = AuditEntry.objects.filter(number__lte=self._checkpoint.through).order_by("number")
        for number in left.values_list("number", flat=True)[:_AT_ONCE]:
            yield f"Entry {number} stands before the checkpoint: it was put back after the retention."

    def _faults(self, entry: AuditEntry) -> Iterator[str]:
        """Yield what is wrong with `entry`, and move on to it."""
        if entry.number != self.last + 1:
            self._follow_retention(entry.number)
        if entry.number != self.last + 1:
            yield f"{_numbers(self.last + 1, entry.number - 1)} missing."
        elif entry.previous != self.hash:
            yield f"Entry {entry.number} does not follow the one before: it carries another hash."
        if not _is_itself(entry):
            yield f"Entry {entry.number} was changed: its content does not fit its hash."
        sealed = chain.is_sealed(self._keys, entry.hash, entry.key, entry.seal)
        if sealed is False:
            yield f"Entry {entry.number} was not written by this panel: its seal is wrong."
        elif entry.action == AuditAction.AUDIT_PRUNED and _is_itself(entry):
            told = json.loads(entry.after) or {}
            self._retentions[told.get("through", 0)] = told.get("hash", "")
        self._last_is_sealed = sealed
        self._look_for_expected(entry.hash)
        self.first = self.first or entry.number
        self.last, self.hash = entry.number, entry.hash
        self.count += 1

    def _follow_retention(self, number: int) -> None:
        """Go on from the newest checkpoint where a retention cut off meanwhile what comes before `number`."""
        newest = AuditCheckpoint.objects.order_by("through").last()
        if newest is not None and self._checkpoint.through < newest.through == number - 1:
            self._checkpoint = newest
            self.last, self.hash = newest.through, newest.hash

    def _look_for_expected(self, found: str) -> None:
        self._has_expected = self._has_expected or found == self._expected

    def _at_the_end(self, head: AuditHead | None, at_head: str | None) -> Iterator[str]:
        cut = self._checkpoint
        if cut.through and self._retentions.get(cut.through) != cut.hash:
            yield (
                f"The entries up to {cut.through} were cut off, and no entry of this panel tells of that "
                "retention."
            )
        if self._last_is_sealed is None:
            yield (
                f"Entry {self.last}, the last one, is sealed by a key that this panel does not have: "
                "nothing vouches for the chain."
            )
        if head is not None and head.number > self.last:
            yield f"{_numbers(self.last + 1, head.number)} missing at the end."
        elif head is not None and head.number and at_head not in (None, head.hash):
            yield f"Entry {head.number} is not the one that the audit ended with."
        now = AuditHead.objects.first()
        if now is not None and now.number < self.last:
            yield f"The audit should end with entry {now.number}, and goes on to {self.last}."
        if not self._has_expected:
            yield (
                "No entry has the hash that was expected: the end was cut off or written anew, or a "
                "retention has cut that entry off."
            )


# What Django raises for a stored value that is none of its field.
_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)


def _is_itself(entry: AuditEntry) -> bool:
    """Tell whether `entry` holds what its hash was made of."""
    try:
        texts = (entry.before, entry.after)
        return (
            all(chain.canonical(json.loads(text)) == text for text in texts)
            and chain.hash_of(entry.record()) == entry.hash
        )
    except _UNREADABLE:
        return False


def _numbers(first: int, last: int) -> str:
    return f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
