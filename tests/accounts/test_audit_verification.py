"""Whatever is done to the audit by SQL is refused, or found where the triggers were dropped for it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.audit import chain, triggers, verification
from apps.accounts.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from apps.accounts.audit.recording import AuditUnusable
from apps.accounts.audit.retention import prune
from apps.accounts.audit.verification import Verification
from apps.applications.models import App
from apps.applications.services import create_app
from tests.accounts.people import BY
from tests.accounts.test_audit import write

pytestmark = pytest.mark.django_db

ALL_COLUMNS = ", ".join(f'"{field.column}"' for field in AuditEntry._meta.concrete_fields)


def findings(expected: str = "") -> list[str]:
    return list(Verification(expected).findings())


def tamper(*statements: str) -> None:
    """Run `statements` as somebody who may do everything to the database, and leave no trace of it."""
    triggers.drop(connection)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    triggers.install(connection)


def hashed_anew(number: int, **changes: str) -> list[str]:
    """Return SQL that changes an entry and all hashes after it, as one without a key of the panel can."""
    statements, previous = [], ""
    for entry in AuditEntry.objects.filter(number__gte=number).order_by("number"):
        fields = dict(changes) if entry.number == number else {"previous": previous}
        for name, value in fields.items():
            setattr(entry, name, value)
        previous = fields["hash"] = chain.hash_of(entry.record())
        setting = ", ".join(f"{name} = '{value}'" for name, value in fields.items())
        statements.append(f"UPDATE accounts_auditentry SET {setting} WHERE number = {entry.number}")
    return [*statements, f"UPDATE accounts_audithead SET hash = '{previous}'"]


def test_an_untouched_audit_holds() -> None:
    assert findings() == []
    write(1200)
    check = Verification()
    assert list(check.findings()) == []
    assert (check.first, check.last, check.count) == (1, 1200, 1200)
    assert check.hash == AuditHead.objects.get().hash


@pytest.mark.parametrize(
    "field",
    [field.column for field in AuditEntry._meta.concrete_fields if field.column not in ("number", "user_id")],
)
def test_a_changed_field_is_found(field: str) -> None:
    write(3)
    value = "2020-01-01 00:00:00+00:00" if field == "at" else "changed"
    tamper(f"UPDATE accounts_auditentry SET \"{field}\" = '{value}' WHERE number = 2")
    assert any("Entry 2 " in finding for finding in findings())


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE accounts_auditentry SET user_id = 7 WHERE number = 2", "Entry 2 was changed"),
        ("UPDATE accounts_auditentry SET after = ' null' WHERE number = 2", "Entry 2 was changed"),
        ("DELETE FROM accounts_auditentry WHERE number = 1", "Entry 1 is missing."),
        ("DELETE FROM accounts_auditentry WHERE number IN (2, 3)", "Entries 2 to 3 are missing."),
        ("DELETE FROM accounts_auditentry WHERE number = 5", "Entry 5 is missing at the end."),
        ("DELETE FROM accounts_auditentry", "Entries 1 to 5 are missing at the end."),
        ("DELETE FROM accounts_audithead", "The row that says where the audit ends is gone."),
        ("UPDATE accounts_audithead SET number = 3", "should end with entry 3, and goes on to 5"),
        ("UPDATE accounts_audithead SET hash = 'x'", "Entry 5 is not the one that the audit ended with"),
        (
            "INSERT INTO accounts_auditcheckpoint (through, hash, count, at) "
            "SELECT 2, hash, 2, at FROM accounts_auditentry WHERE number = 2",
            "The entries up to 2 were cut off, and no entry of this panel tells of that retention.",
        ),
    ],
)
def test_what_is_done_to_a_single_row_is_found(statement: str, found: str) -> None:
    write(5)
    tamper(statement)
    assert any(found in finding for finding in findings()), findings()


def test_two_entries_that_were_swapped_are_found() -> None:
    write(4)
    tamper(
        "UPDATE accounts_auditentry SET number = 99 WHERE number = 2",
        "UPDATE accounts_auditentry SET number = 2 WHERE number = 3",
        "UPDATE accounts_auditentry SET number = 3 WHERE number = 99",
    )
    assert [finding[:7] for finding in findings()] == ["Entry 2", "Entry 2", "Entry 3", "Entry 3", "Entry 4"]


def test_an_entry_that_was_added_past_the_panel_is_found() -> None:
    write(3)
    copied = ALL_COLUMNS.replace('"number"', "4").replace('"previous"', "hash")
    tamper(
        f"INSERT INTO accounts_auditentry ({ALL_COLUMNS}) "
        f"SELECT {copied} FROM accounts_auditentry WHERE number = 3",
        "UPDATE accounts_audithead SET number = 4",
    )
    assert findings() == ["Entry 4 was changed: its content does not fit its hash."]


def test_a_chain_that_was_written_anew_without_a_key_is_found() -> None:
    write(4)
    tamper(*hashed_anew(2, actor="mallory"))
    assert findings() == [
        f"Entry {number} was not written by this panel: its seal is wrong." for number in (2, 3, 4)
    ]


def test_naming_a_key_that_nobody_has_does_not_help_either() -> None:
    write(4)
    anew = hashed_anew(2, actor="mallory", key="0" * 12)
    tamper(*anew)
    assert any("Entry 4 was not written by this panel" in finding for finding in findings())
    # Named in all of them, nothing vouches for the last.
    tamper("UPDATE accounts_auditentry SET key = '000000000000'", *hashed_anew(1))
    assert any(
        "Entry 4, the last one, is sealed by a key that this panel does not have" in f for f in findings()
    )


def test_the_chain_holds_when_the_key_is_another_and_the_old_one_is_gone(settings: Settings) -> None:
    write(2)
    settings.SIMPLEDEPLOY_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert len(findings()) == 1
    assert "sealed by a key that this panel does not have" in findings()[0]
    write(1)
    assert findings() == []


def test_an_end_that_was_cut_off_is_found_by_a_hash_that_was_kept_outside() -> None:
    write(3)
    kept = AuditHead.objects.get().hash
    write(2)
    assert findings(kept) == []
    earlier = AuditEntry.objects.get(number=2).hash
    tamper(
        "DELETE FROM accounts_auditentry WHERE number > 2",
        f"UPDATE accounts_audithead SET number = 2, hash = '{earlier}'",
    )
    assert findings() == []
    assert findings(kept) == [
        "No entry has the hash that was expected: the end was cut off or written anew, or a retention has "
        "cut that entry off."
    ]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM accounts_audithead", "UPDATE accounts_audithead SET number = 1"]
)
def test_where_the_end_was_changed_no_change_goes_through_unaudited(statement: str) -> None:
    write(2)
    tamper(statement)
    with pytest.raises(AuditUnusable, match="The audit takes no entries"), transaction.atomic():
        create_app("shop", "", BY)
    assert not App.objects.exists()


def test_a_trigger_that_is_gone_is_found() -> None:
    write(1)
    table = f" ON {triggers.ENTRIES}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER audit_entry_unchanged{table}")
    assert findings() == [
        "The trigger audit_entry_unchanged of the database is gone: entries may have been changed meanwhile."
    ]


@pytest.fixture
def write_at() -> Callable[[int, int], None]:
    """Write entries of some days ago: `write_at(days, count)`."""

    def write_then(days: int, count: int) -> None:
        with mock.patch("django.utils.timezone.now", return_value=timezone.now() - timedelta(days=days)):
            write(count)

    return write_then


def test_a_retention_leaves_a_chain_that_holds(write_at: Callable[[int, int], None]) -> None:
    write_at(100, 4)
    write_at(10, 3)
    cut = prune(timedelta(days=50), BY)
    assert cut is not None
    assert (cut.through, cut.count) == (4, 4)
    numbers = list(AuditEntry.objects.order_by("number").values_list("number", flat=True))
    assert numbers == [5, 6, 7, 8]
    told = AuditEntry.objects.get(number=8).record()
    assert (told["action"], told["after"]) == ("audit.pruned", {"through": 4, "hash": cut.hash, "count": 4})
    assert findings() == []
    assert findings(cut.hash) == []

    assert prune(timedelta(days=50), BY) is None
    write_at(0, 1)
    assert prune(timedelta(days=5), BY) == AuditCheckpoint.objects.get(through=7)
    assert findings() == []


def test_more_than_the_retention_cut_off_is_found(write_at: Callable[[int, int], None]) -> None:
    write_at(100, 4)
    write_at(10, 3)
    prune(timedelta(days=50), BY)
    tamper("DELETE FROM accounts_auditentry WHERE number = 5")
    assert findings() == ["Entry 5 is missing."]


def test_a_retention_of_everything_keeps_the_entry_that_tells_of_it(
    write_at: Callable[[int, int], None],
) -> None:
    write_at(100, 4)
    prune(timedelta(days=50), BY)
    assert list(AuditEntry.objects.values_list("number", flat=True)) == [5]
    assert findings() == []


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_says_the_hash_to_keep_and_exits_1_where_the_audit_does_not_hold() -> None:
    write(2)
    kept = AuditHead.objects.get().hash
    assert run("verify_audit").splitlines() == ["2 entries hold, from 1 to 2.", f"2 {kept}"]
    assert run("verify_audit", "--expect", kept.upper())
    with pytest.raises(SystemExit) as ended:
        run("verify_audit", "--expect", "0" * 63 + "1")
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("verify_audit", "--expect", "abc"), "A hash of the audit has 64 hexadecimal digits."),
        (("prune_audit", "--older-than", "0"), "The age is a number of days from 1 to 36500, not 0."),
        (("export_audit", "--since", "yesterday"), "'yesterday' is no day like 2026-11-24"),
        (("export_audit", "--until", "2026-13-40"), "'2026-13-40' is no day like 2026-11-24"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
    assert sentence in str(refused.value)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("meanwhile", "last"),
    [
        (lambda: write(3), 9),
        (lambda: prune(timedelta(days=50), BY), 7),
    ],
)
def test_what_is_written_and_cut_off_while_it_is_checked_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
    write_at: Callable[[int, int], None],
    meanwhile: Callable[[], object],
    last: int,
) -> None:
    monkeypatch.setattr(verification, "_AT_ONCE", 2)
    write_at(100, 4)
    write_at(10, 2)

    class Disturbed(Verification):
        def _faults(self, entry: AuditEntry) -> Iterator[str]:
            yield from super()._faults(entry)
            if entry.number == 2:
                meanwhile()

    check = Disturbed()
    assert list(check.findings()) == []
    assert check.last == last
