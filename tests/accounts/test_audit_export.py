"""The audit as JSON lines."""

import hashlib
import json
from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.audit.models import AuditEntry
from tests.accounts.test_audit import write

pytestmark = pytest.mark.django_db


def exported(*arguments: str) -> list[dict[str, object]]:
    out = StringIO()
    call_command("export_audit", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_can_be_checked_without_the_panel() -> None:
    write(3)
    previous = "0" * 64
    lines = exported()
    for line in lines:
        del line["seal"]
        claimed = line.pop("hash")
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == claimed
        assert line["previous"] == previous
        previous = claimed
    assert [line["number"] for line in lines] == [1, 2, 3, 4]


def test_the_export_is_itself_in_the_audit() -> None:
    exported("--since", "2026-01-01")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.origin) == ("audit.exported", "command line")
    assert entry.record()["after"] == {"filters": {"since": "2026-01-01"}}


def test_it_exports_from_a_time_to_another() -> None:
    now = timezone.now()
    for days in (3, 2, 1):
        with mock.patch("django.utils.timezone.now", return_value=now - timedelta(days=days)):
            write(1)
    since, until = (now - timedelta(days=2.5)).isoformat(), (now - timedelta(days=1.5)).isoformat()
    assert [line["number"] for line in exported("--since", since, "--until", until)] == [2]
    day = (now - timedelta(days=2)).date().isoformat()
    assert [line["number"] for line in exported("--since", day, "--until", day)] == [2]


def test_a_long_audit_is_exported_whole() -> None:
    write(1100)
    assert [line["number"] for line in exported()] == list(range(1, 1102))
