"""The output of old events: kept for ever, unless somebody says otherwise."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.accounts.actor import Actor
from apps.accounts.audit.models import AuditEntry
from apps.deployments import retention
from apps.deployments.logs import append_lines, read_lines
from apps.deployments.models import DeployEvent, DeployLog
from tests.panel.admin_records import make_app, make_event

pytestmark = pytest.mark.django_db
BY = Actor("root", "command line")


def make_old_event(days: int, lines: int = 3, stream: str = "stdout") -> DeployEvent:
    app = make_app(f"app-{days}-{lines}-{stream}")
    event = make_event(app, at=timezone.now() - timedelta(days=days))
    append_lines(event.pk, 1, [(timezone.now(), stream, f"line {n}") for n in range(lines)])
    return event


def entries() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="log.pruned").order_by("number"))


def test_old_output_goes_and_says_so_and_the_rest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    old = [make_old_event(31 + number, lines=number % 3 + 1) for number in range(5)]
    young = make_old_event(29)

    assert retention.prune_logs(timedelta(days=30), BY) == 5

    for event in old:
        (line,) = read_lines(event.pk)
        assert (line.seq, line.stream) == (1, "panel")
        assert "older than 30 days" in line.text
    assert len(read_lines(young.pk)) == 3
    assert DeployEvent.objects.count() == 6
    assert [json.loads(entry.after) for entry in entries()] == [{"days": 30, "events": n} for n in (2, 2, 1)]
    # What was deleted is not deleted again, nor is there another entry of it.
    assert retention.prune_logs(timedelta(days=30), BY) == 0
    assert len(entries()) == 3


def test_what_was_deleted_before_it_was_cut_off_is_in_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    for number in range(3):
        make_old_event(31 + number)
    parts = iter([retention._some(DeployLog.objects.all())])

    def some(_chunks: object) -> list[int]:
        for part in parts:
            return part
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(retention, "_some", some)
    with pytest.raises(OperationalError):
        retention.prune_logs(timedelta(days=30), BY)
    assert [json.loads(entry.after) for entry in entries()] == [{"days": 30, "events": 2}]


def test_nothing_goes_by_itself_unless_a_setting_says_so(settings: Settings) -> None:
    make_old_event(4000)
    assert settings.SIMPLEDEPLOY_KEEP_LOG_DAYS == 0
    assert not retention.sweep()
    assert DeployLog.objects.filter(last_seq=3).exists()
    settings.SIMPLEDEPLOY_KEEP_LOG_DAYS = 365
    assert retention.sweep()
    assert not retention.sweep()


def test_the_command_refuses_an_age_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="number of days from 1"):
        call_command("prune_logs", "--older-than", "0")
    make_old_event(40)
    call_command("prune_logs", "--older-than", "30")
    assert "The output of 1 events was deleted." in capsys.readouterr().out
