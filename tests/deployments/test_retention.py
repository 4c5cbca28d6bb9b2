"""The output of old events: kept for ever, unless somebody says otherwise."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
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
    entry = AuditEntry.objects.get(action="log.pruned")
    assert '"events": 5' in entry.after or '"events":5' in entry.after
    # What was deleted is not deleted again, nor is there another entry of it.
    assert retention.prune_logs(timedelta(days=30), BY) == 0
    assert AuditEntry.objects.filter(action="log.pruned").count() == 1


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
