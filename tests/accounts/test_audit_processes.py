"""The audit of a panel whose entries come from several processes, also where one of them is killed."""

import json
import sqlite3
from collections.abc import Callable

import pytest

from tests.lab.panel import PanelProcess
from tests.lab.waiting import wait_until

# Each entry in a transaction with another write, as a change is.
_WRITE = """
from itertools import count
from django.db import transaction
from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.services import create_app
for number in {numbers}:
    with transaction.atomic():
        create_app(f"{name}-{{number}}", "", Actor("{name}", "test"))
        record(Actor("{name}", "test"), AuditAction.APP_CHANGED, "app")
"""


def written_by(panel: PanelProcess, name: str) -> int:
    database = panel.environment["SIMPLEDEPLOY_DATA_DIR"] + "/simpledeploy.sqlite3"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        query = "SELECT COUNT(*) FROM accounts_auditentry WHERE actor = ?"
        return int(connection.execute(query, (name,)).fetchone()[0])
    finally:
        connection.close()


def test_entries_of_several_processes_form_one_chain_though_one_is_killed(
    panel_process: Callable[..., PanelProcess],
) -> None:
    panel = panel_process(start=False)
    killed = panel.popen("shell", "-c", _WRITE.format(name="killed", numbers="count()"))
    others = [
        panel.popen("shell", "-c", _WRITE.format(name=name, numbers="range(30)")) for name in ("one", "two")
    ]
    wait_until(lambda: written_by(panel, "killed") >= 20, "entries of the process to be killed")
    killed.kill()
    killed.communicate(timeout=30)
    for other in others:
        _out, problems = other.communicate(timeout=60)
        assert other.returncode == 0, problems

    assert written_by(panel, "one") == written_by(panel, "two") == 60
    # Neither half of a change is there without the other.
    assert written_by(panel, "killed") % 2 == 0
    verified = panel.manage("verify_audit")
    assert verified.returncode == 0, verified.stdout
    exported = [json.loads(line) for line in panel.manage("export_audit", check=True).stdout.splitlines()]
    assert [line["number"] for line in exported] == list(range(1, len(exported) + 1))


def test_a_row_that_is_changed_in_the_file_is_refused_and_without_triggers_found(
    panel_process: Callable[..., PanelProcess],
) -> None:
    panel = panel_process(start=False)
    panel.manage("shell", "-c", _WRITE.format(name="one", numbers="range(3)"), check=True)
    connection = sqlite3.connect(panel.environment["SIMPLEDEPLOY_DATA_DIR"] + "/simpledeploy.sqlite3")
    change = "UPDATE accounts_auditentry SET actor = 'mallory' WHERE number = 2"
    with pytest.raises(sqlite3.IntegrityError, match="the audit is append-only"):
        connection.execute(change)
    connection.rollback()
    connection.execute("DROP TRIGGER audit_entry_unchanged")
    connection.execute(change)
    connection.commit()
    connection.close()
    verified = panel.manage("verify_audit")
    assert verified.returncode == 1
    assert verified.stdout.splitlines() == [
        "The trigger audit_entry_unchanged of the database is gone: entries may have been changed meanwhile.",
        "Entry 2 was changed: its content does not fit its hash.",
    ]
    assert verified.stderr.strip() == "The audit does not hold: 2 findings."
