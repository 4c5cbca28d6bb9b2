"""The command line within the test's process, and a stand-in for the worker."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import create_app, store_version
from apps.deployer.cli.command import SubcommandsCommand
from apps.deployer.runner.interface import CancelToken
from apps.deployments import claims, logs
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status

BY = Actor("alice", "command line")
YAML = "services:\n  web:\n    image: demo/web:1\n"


@dataclass
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Manage = Callable[..., Done]


@pytest.fixture
def manage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Manage:
    """Run `manage.py` with the words given, and `stdin` (bytes) as its standard input."""
    monkeypatch.setattr(SubcommandsCommand, "_called_from_command_line", True)

    def run(*words: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        try:
            call_command(*words)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run


class StandInWorker:
    """Runs events as `run_one` does: takes them, writes lines, goes through steps, ends as it is told.

    `live` says whether another process would take them; `ends` is the status that events end with;
    `until` holds a run up.
    """

    def __init__(self) -> None:
        self.live = False
        self.ends = Status.SUCCEEDED
        self.error = ""
        self.texts = ["pulling", "started"]
        self.steps = ["pull", "up"]
        self.ran: list[int] = []
        self.until: Callable[[DeployEvent, CancelToken], None] = lambda event, cancel: None

    def live_worker(self) -> bool:
        return self.live

    def run_one(self, event_id: int, cancel: CancelToken) -> None:
        self.ran.append(event_id)
        event = claims.claim_next("stand-in", up_to=DeployEvent.objects.get(pk=event_id))
        if event is None:
            return
        steps = []
        for name in self.steps:
            now = timezone.now().isoformat()
            steps.append({"name": name, "started_at": now, "finished_at": now, "exit_code": 0})
            claims.advance(event, step=name, steps=steps)
        lines = [(timezone.now(), "stdout", text) for text in self.texts]
        if lines:
            logs.append_lines(event.pk, 1, lines)
        self.until(event, cancel)
        event.refresh_from_db()
        status = Status.CANCELLED if event.cancel_requested_at else self.ends
        claims.finish(event, status, error=self.error)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandInWorker:
    """Put a stand-in in the place of the worker."""
    stand_in = StandInWorker()
    monkeypatch.setattr("apps.deployer.worker.live_worker", stand_in.live_worker)
    monkeypatch.setattr("apps.deployer.worker.run_one", stand_in.run_one)
    return stand_in


def make_app(slug: str = "shop", environment: str = "") -> tuple[App, ComposeVersion]:
    """Return a new app and its version 1, which is its current one."""
    app = create_app(slug, "", BY)
    version, _is_new = store_version(app, Content(YAML, environment), BY)
    App.objects.filter(pk=app.pk).update(current_version=version)
    app.refresh_from_db()
    return app, version
