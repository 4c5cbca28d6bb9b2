"""The audit: what an entry holds, its place in the chain, and what refuses to change it."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, chain, record, triggers
from apps.accounts.audit.models import AppendOnly, AuditEntry, AuditHead
from apps.core.secret import MASK, Secret
from tests.accounts.people import make_person

ALICE = Actor("alice", "command line")


def write(count: int, on: str = "shop") -> None:
    for _ in range(count):
        record(ALICE, AuditAction.APP_CHANGED, on, app_slug=on)


@pytest.mark.django_db
def test_an_entry_says_who_did_what_from_where_to_what_and_how_it_ended():
    person = make_person("alice")
    by = Actor("alice", "web 10.0.0.7", person, address="10.0.0.7", agent="Firefox", token="ci")
    record(
        by,
        AuditAction.APP_CHANGED,
        "app shop",
        app_slug="shop",
        before={"name": "Shop"},
        after={"name": "Our shop"},
        outcome="refused",
    )
    written = AuditEntry.objects.get().record()
    assert {**written, "at": "", "key": ""} == {
        "number": 1,
        "at": "",
        "actor": "alice",
        "user_id": person.pk,
        "origin": "web 10.0.0.7",
        "address": "10.0.0.7",
        "agent": "Firefox",
        "token": "ci",
        "action": "app.changed",
        "on": "app shop",
        "app_slug": "shop",
        "before": {"name": "Shop"},
        "after": {"name": "Our shop"},
        "outcome": "refused",
        "previous": chain.BEGINNING,
        "key": "",
    }


@pytest.mark.django_db
def test_an_entry_carries_the_hash_of_the_one_before():
    write(3)
    first, second, third = AuditEntry.objects.order_by("number")
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert (second.previous, third.previous) == (first.hash, second.hash)
    head = AuditHead.objects.get()
    assert (head.number, head.hash) == (3, third.hash)
    assert third.hash == chain.hash_of(third.record())


@pytest.mark.django_db
def test_no_secret_is_written_whatever_holds_it():
    record(
        ALICE,
        AuditAction.APP_CHANGED,
        "shop",
        before={"password": "hunter2", "nested": {"api_token": "hunter2", "had_password": True}},
        after={
            "value": Secret("hunter2"),
            "environment": "A=hunter2",
            "list": [Secret("hunter2")],
            "pin": b"hunter2",
        },
    )
    written = AuditEntry.objects.get().record()
    assert written["before"] == {"password": MASK, "nested": {"api_token": MASK, "had_password": True}}
    assert written["after"] == {"value": MASK, "environment": MASK, "list": [MASK], "pin": MASK}


@pytest.mark.django_db
def test_hostile_and_endless_texts_are_stored_on_one_line_and_cut():
    by = Actor("a\x00\n\ud800‮" + "b" * 300, "web", agent="x" * 5000)
    record(by, AuditAction.SIGN_IN_FAILED, "é\x1b[31m", after={"text": "y" * 9000, "nul": "\x00\ud800"})
    entry = AuditEntry.objects.get()
    assert entry.actor == "a����" + "b" * 145
    assert len(entry.agent) == 200
    assert entry.on == "é�[31m"
    assert entry.record()["after"]["text"].endswith("… (9000 characters)")
    assert entry.hash == chain.hash_of(entry.record())


@pytest.mark.django_db
def test_a_change_that_is_rolled_back_leaves_no_gap():
    write(1)
    with transaction.atomic():
        write(2)
        transaction.set_rollback(True)
    write(1)
    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


@pytest.mark.django_db
def test_the_model_refuses_to_change_or_delete():
    write(1)
    entry = AuditEntry.objects.get()
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor="bob"),
        lambda: AuditEntry.objects.bulk_update([entry], ["actor"]),
        lambda: AuditEntry.objects.bulk_create([AuditEntry(number=2)]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditEntry.objects.get().actor == "alice"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET actor = 'bob' WHERE number = 2",
        "DELETE FROM accounts_auditentry",
        "DELETE FROM accounts_auditentry WHERE number = 3",
        "INSERT INTO accounts_auditentry SELECT * FROM accounts_auditentry WHERE number = 1",
        "UPDATE accounts_audithead SET number = 2",
        "UPDATE accounts_audithead SET number = 4",
        "DELETE FROM accounts_audithead",
        "INSERT INTO accounts_audithead (id, number, hash) VALUES (2, 9, 'x')",
        "INSERT INTO accounts_auditcheckpoint (through, hash, count, at)"
        " VALUES (2, 'x', 2, '2026-01-01 00:00:00+00:00')",
    ],
)
def test_the_database_refuses_to_change_cut_or_reorder(statement: str):
    write(3)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 3
    assert AuditHead.objects.get().number == 3


@pytest.mark.django_db
def test_every_trigger_is_in_place_after_the_migrations():
    assert triggers.missing(connection) == []


@pytest.mark.django_db(transaction=True)
def test_entries_of_concurrent_writers_form_one_chain():
    def work(name: str) -> None:
        try:
            write(20, on=name)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"app-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = list(AuditEntry.objects.order_by("number"))
    assert [entry.number for entry in entries] == list(range(1, 81))
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
