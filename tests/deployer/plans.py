"""Situations for plans: what is asked and what is there, made up."""

from typing import Any

from apps.applications.content import Content
from apps.deployer.check import Checked
from apps.deployer.plan.decision import Situation
from apps.deployer.plan.desired import Desired
from apps.deployer.plan.observed import Existing, Images, Observed
from apps.deployer.plan.plan import Plan
from apps.deployer.plan.planning import build_plan
from apps.deployer.plan.rehearsal import Rehearsal

PROJECT = "simpledeploy-shop"
IMAGE, IMAGE_ID = "demo/web:1", "sha256:one"
CONTENT, CURRENT = Content("services: {}\n"), Content("services: {} # old\n")


def desired(services: dict[str, dict[str, Any]], hashes: dict[str, str] | None = None, **top: Any) -> Desired:
    """Return a model whose services have the hash "new" where `hashes` names no other."""
    model = {"services": {name: {"image": IMAGE} | one for name, one in services.items()}, **top}
    return Desired(Checked(model=model), dict.fromkeys(services, "new") | (hashes or {}))


def existing(service: str, number: int = 1, **fields: Any) -> Existing:
    """Return a running container that fits the hash "new"."""
    defaults: dict[str, Any] = {
        "id": f"{service}-{number}",
        "name": f"{PROJECT}-{service}-{number}",
        "project": PROJECT,
        "service": service,
        "number": number,
        "one_off": False,
        "state": "running",
        "exit_code": None,
        "config_hash": "new",
        "image_id": IMAGE_ID,
    }
    return Existing(**defaults | fields)


def plan(
    new: Desired,
    *containers: Existing,
    current: Desired | None = None,
    idle: frozenset[str] = frozenset(),
    rehearsal: Rehearsal | None = None,
    **engine: Any,
) -> Plan:
    """Return the plan of `new` on an engine that has IMAGE, `containers` and what `engine` says."""
    observed = Observed(containers, **{"images": Images({IMAGE: IMAGE_ID})} | engine)
    situation = Situation(PROJECT, new, observed, current, idle, rehearsal)
    return build_plan(situation, "shop", CONTENT, CURRENT if current else None)


def actions(plan: Plan) -> dict[str, str]:
    return {service.service: str(service.action) for service in plan.services}


def texts(plan: Plan, service: str) -> list[str]:
    (found,) = [one for one in plan.services if one.service == service]
    return [reason.text for reason in found.reasons]
