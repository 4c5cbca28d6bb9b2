"""An engine and a Compose for tests of pages: no process is started."""

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from apps.applications.content import Content, Problem
from apps.core.errors import DomainError
from apps.deployer import engine, requests
from apps.deployer.check import Checked
from apps.deployer.engine import ABSENT, AppState, ServiceState
from apps.registries.references import registry_of


class FakeEngine:
    """Holds the states that pages see, and what Compose says of the contents it is asked about."""

    def __init__(self) -> None:
        self.states: dict[str, AppState] = {}
        self.problems: list[Problem] = []
        self.failure: DomainError | None = None

    @classmethod
    def put_in_place(cls, monkeypatch: pytest.MonkeyPatch) -> "FakeEngine":
        fake = cls()
        monkeypatch.setattr(engine, "app_states", fake.app_states)
        monkeypatch.setattr(requests, "check_content", fake.check_content)
        monkeypatch.setattr(requests, "require_engine", fake.require_engine)
        return fake

    def app_states(self, slugs: Iterable[str] | None = None) -> dict[str, AppState]:
        return {slug: self.states.get(slug, ABSENT) for slug in slugs or ()}

    def require_engine(self, runner: object) -> None:
        if self.failure:
            raise self.failure

    def check_content(self, content: Content, runner: object, **options: object) -> Checked:
        self.require_engine(runner)
        if self.problems:
            return Checked(problems=self.problems)
        model: dict[str, Any] = yaml.safe_load(content.yaml)
        images = sorted({one["image"] for one in model["services"].values() if "image" in one})
        registries = sorted({registry_of(image) for image in images})
        for name, volume in (model.get("volumes") or {}).items():
            model["volumes"][name] = {"name": f"simpledeploy-app_{name}"} | (volume or {})
        return Checked(sorted(model["services"]), images, registries, model=model)


def container(service: str, **fields: Any) -> ServiceState:
    """Return a running container of `service`."""
    defaults = {
        "container": f"simpledeploy-app-{service}-1",
        "state": "running",
        "health": "",
        "exit_code": None,
        "image": "nginx:alpine",
        "ports": (),
    }
    return ServiceState(service=service, **defaults | fields)
