"""Apps, versions and a deployer over a MockRunner, for the state machine's many paths."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.actor import Actor
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import create_app, store_version
from apps.deployer.containers import Container
from apps.deployer.deployer import Deployer
from apps.deployer.plan import recent_checks
from apps.deployer.runner.interface import CancelToken
from apps.deployer.runner.mock_runner import Answer, Call, MockRunner
from apps.deployer.verdict import verify
from apps.deployer.verdict.verdict import Expectation
from apps.deployments import claims, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action

ANN = Actor("ann", "command line")
WORKER = "here:1:1"


def compose_text(image: str = "127.0.0.1:5999/demo/web:1") -> str:
    return f"services:\n  web:\n    image: {image}\n"


def told(service: str = "web", number: int = 1, **state: object) -> str:
    """Return what `docker inspect` prints of a container, `state` over a well running one."""
    values: dict[str, object] = {"Status": "running", "ExitCode": 0, "OOMKilled": False} | state
    return json.dumps(
        {
            "Id": f"{service}{number}",
            "Name": f"/simpledeploy-demo-{service}-{number}",
            "Image": f"sha256:{service}",
            "RestartCount": values.pop("RestartCount", 0),
            "State": values,
            "Config": {
                "Image": "127.0.0.1:5999/demo/web:1",
                "Labels": {
                    "com.docker.compose.project": "simpledeploy-demo",
                    "com.docker.compose.service": service,
                },
            },
            "HostConfig": {"RestartPolicy": {"Name": "always"}},
            "NetworkSettings": {"Ports": {}},
        }
    )


class RestlessFeed:
    """A feed that shows another change every few milliseconds, so that verify looks again and again."""

    def __init__(self) -> None:
        self.generation = 0

    def of(self, project: str) -> list[Container] | None:
        return [] if self.generation % 2 else None

    def wait(self, seen: int, timeout: float, cancel: CancelToken | None = None) -> int:
        (cancel or CancelToken()).wait(min(timeout, 0.005))
        self.generation += 1
        return self.generation


class Lab:
    """One app, and a deployer whose engine is a script."""

    def __init__(self) -> None:
        self.runner = MockRunner()
        self.deployer = Deployer(self.runner)
        self.app = create_app("demo", "Demo", ANN)
        self._looks = [[told()]]
        self._seen: list[str] = []
        self.runner.on("ps", "--quiet", answer=self._list)
        self.runner.on("inspect", "--type", answer=lambda _call: Answer(self._seen))

    def engine_has(self, *looks: list[str]) -> None:
        """Let each look at the engine find the next of these lists of containers; the last one stays."""
        self._looks = list(looks)

    def _list(self, _call: Call) -> Answer:
        self._seen = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return Answer([json.loads(container)["Id"] for container in self._seen])

    def version(self, text: str = "", environment: str = "") -> ComposeVersion:
        content = Content.read(text or compose_text(), environment)
        return store_version(self.app, content, ANN)[0]

    def queue(
        self, action: Action = Action.DEPLOY, text: str = "", environment: str = "", **more: Any
    ) -> DeployEvent:
        version = None
        if action in (Action.DEPLOY, Action.ROLLBACK):
            version = self.version(text, environment)
            more.setdefault("expected", [asdict(Expectation("web", 1, False, False, False))])
            more.setdefault("images", {"web": {"image": "127.0.0.1:5999/demo/web:1"}})
        return queue.enqueue(self.app, action, ANN, version=version, **more)

    def claim(self) -> DeployEvent:
        event = claims.claim_next(WORKER)
        assert event is not None
        return event

    def run(self, event: DeployEvent, cancel: CancelToken | None = None) -> DeployEvent:
        """Claim and run `event`, which must be the next one; return it as it ended."""
        claimed = self.claim()
        assert claimed.pk == event.pk
        self.deployer.run(claimed, cancel or CancelToken())
        event.refresh_from_db()
        self.app = App.objects.get(pk=self.app.pk)
        return event

    def deployed(self, **more: Any) -> DeployEvent:
        return self.run(self.queue(Action.DEPLOY, **more))


@pytest.fixture
def lab(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Lab:
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path / "apps"
    settings.SIMPLEDEPLOY_CALM_SECONDS = 0
    recent_checks.forget_all()
    monkeypatch.setattr(verify, "engine_feed", lambda runner: nullcontext(RestlessFeed()))
    monkeypatch.setattr(verify, "_LOOK_AGAIN", 0.005)
    return Lab()
