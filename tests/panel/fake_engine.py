"""An engine and a Compose for tests of pages: no process is started."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from apps.applications.content import Content, InvalidContent, Problem
from apps.core.errors import DomainError
from apps.deployer import inquiry, requests, rollback
from apps.deployer.approval import review
from apps.deployer.check import Checked
from apps.deployer.plan import other_actions
from apps.deployer.plan.decision import Situation
from apps.deployer.plan.desired import Desired
from apps.deployer.plan.observed import Existing, Images, Observed
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import build_plan
from apps.deployer.state import states as engine
from apps.deployer.state.app_state import ABSENT, AppState, ServiceState
from apps.registries.references import registry_of


class FakeEngine:
    """Holds the states that pages see, and what Compose says of the contents it is asked about."""

    def __init__(self) -> None:
        self.states: dict[str, AppState] = {}
        self.problems: list[Problem] = []
        self.failure: DomainError | None = None
        self.observed = Observed()
        self.images: list[str] = []

    @classmethod
    def put_in_place(cls, monkeypatch: pytest.MonkeyPatch) -> "FakeEngine":
        fake = cls()
        monkeypatch.setattr(engine, "app_states", fake.app_states)
        for module in (inquiry, requests):
            monkeypatch.setattr(module, "check_content", fake.check_content)
            monkeypatch.setattr(module, "require_engine", fake.require_engine)
        monkeypatch.setattr(inquiry, "make_plan", fake.make_plan)
        monkeypatch.setattr(rollback, "list_images", fake.list_images)
        monkeypatch.setattr(review, "find_situation", fake.find_situation)
        monkeypatch.setattr(other_actions, "list_images", fake.list_images)
        monkeypatch.setattr(other_actions, "list_existing", lambda runner: fake.observed.containers)
        monkeypatch.setattr(other_actions, "observe", lambda *args, **options: fake.observed)
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
        volumes = model.get("volumes") or {}
        if not all(isinstance(one, dict) for one in (volumes, *model["services"].values())):
            return Checked(problems=[Problem(None, None, "A service must be a mapping.")])
        images = sorted({one["image"] for one in model["services"].values() if "image" in one})
        registries = sorted({registry_of(image) for image in images})
        for name, volume in volumes.items():
            model["volumes"][name] = {"name": f"simpledeploy-app_{name}"} | (volume or {})
        return Checked(sorted(model["services"]), images, registries, model=model)

    def make_plan(
        self,
        content: Content,
        slug: str,
        runner: object,
        *,
        current: Content | None,
        pins: str = "",
        **options: object,
    ) -> Plan:
        situation = self.find_situation(content, slug, runner, current=current)
        return build_plan(situation, slug, content, current, pins)

    def find_situation(
        self, content: Content, slug: str, runner: object, *, current: Content | None, **options: object
    ) -> Situation:
        before = self._desired(current) if current else None
        return Situation(f"simpledeploy-{slug}", self._desired(content), self.observed, before)

    def list_images(self, runner: object) -> Images:
        self.require_engine(runner)
        return Images({name: name for name in self.images})

    def runs(self, slug: str, yaml: str) -> None:
        """Let the engine have one running container for each service of `yaml`, as app `slug`."""
        self.observed = Observed(
            tuple(
                Existing(
                    id=f"id-{name}",
                    name=f"simpledeploy-{slug}-{name}-1",
                    project=f"simpledeploy-{slug}",
                    service=name,
                    number=1,
                    one_off=False,
                    state="running",
                    exit_code=None,
                    config_hash=hash,
                    image_id="",
                )
                for name, hash in self._desired(Content.read(yaml)).hashes.items()
            )
        )

    def _desired(self, content: Content) -> Desired:
        checked = self.check_content(content, None)
        if not checked.valid:
            raise InvalidContent(checked.problems)
        hashes = {
            name: hashlib.sha256(json.dumps(service).encode()).hexdigest()
            for name, service in checked.model["services"].items()
        }
        return Desired(checked, hashes)


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
