"""Plans against what then really happens: for each pair, every predicted action is the observed one."""

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING
from apps.deployer.plan.plan import Change, Plan
from apps.deployer.plan.planning import build_plan, find_situation
from tests.engine.plan_lab import Snapshot, Stage
from tests.engine.plan_pairs import PAIRS, Pair
from tests.lab.engine import Engine
from tests.lab.images import load_image
from tests.lab.waiting import free_port

_AT_ONCE = 4


@dataclass
class Outcome:
    """A pair as it went: both plans, and the engine before and after the deploy."""

    stage: Stage
    plan: Plan
    unrehearsed: Plan
    before: Snapshot
    after: Snapshot
    unchanged_by_planning: bool


def play(stage: Stage, pair: Pair) -> Outcome:
    """Bring `before` up, plan `after`, and bring it up too."""
    environments = [text.replace("{web}", stage.images["web"]) for text in pair.environment]
    after = Content.read(pair.after.format(**stage.names), environments[1])
    current = Content.read(pair.before.format(**stage.names), environments[0]) if pair.before else None
    try:
        if "{moving}" in pair.before:
            stage.docker("tag", stage.images["web"], stage.image("moving"))
            stage.own_images.append(stage.image("moving"))
        if "build:" in pair.before:
            stage.own_images.append(f"{stage.project}-web")
        for name, text in pair.files.items():
            stage.write(name, text.replace("{web}", stage.images["web"]).replace("{project}", stage.project))
        if current is not None:
            stage.up(current)
        pair.between(stage)
        before, states, files = stage.snapshot(), stage.states(), stage.files()
        situation = find_situation(
            after, stage.slug, stage.runner, host_rules=EVERYTHING, current=current, current_rules=EVERYTHING
        )
        plan = build_plan(situation, stage.slug, after, current)
        unrehearsed = build_plan(replace(situation, rehearsal=None), stage.slug, after, current)
        unchanged = (stage.states(), stage.files()) == (states, files)
        stage.up(after)
        return Outcome(stage, plan, unrehearsed, before, stage.snapshot(), unchanged)
    finally:
        stage.clean_up()


@pytest.fixture(scope="module")
def outcomes(engine: Engine, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Outcome]]]:
    """Every pair that is asked for, several at a time."""
    selected = [item.name for item in request.session.items]
    root = f"pairs-{uuid.uuid4().hex[:8]}"
    images = {name: f"{root}/{name}:1" for name in ("web", "web2", "job")}
    for name, reference in images.items():
        load_image(engine, "job" if name == "job" else "web", reference)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {
            pair.name: pool.submit(
                play, Stage(engine, f"pair-{uuid.uuid4().hex[:8]}", images, free_port()), pair
            )
            for pair in PAIRS
            if f"{test_what_was_planned_is_what_happens.__name__}[{pair.name}]" in selected
        }
    engine.run("rmi", "--force", *images.values(), check=False)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_what_was_planned_is_what_happens(
    pair: Pair, outcomes: dict[str, Future[Outcome]], engine: Engine
) -> None:
    outcome = outcomes[pair.name].result()
    plan, stage = outcome.plan, outcome.stage

    # As written down here.
    assert {one.service: str(one.action) for one in plan.services} == pair.services, plan
    told = {one.service: sorted(reason.key for reason in one.reasons) for one in plan.services}
    assert {name: keys for name, keys in told.items() if keys} == pair.reasons, plan
    assert (plan.clashes, plan.failure) == ((), "")
    assert plan.rehearsed is pair.rehearsed

    # As the engine then had it, container by container.
    actions = {c.name: str(c.action) for one in plan.services for c in one.containers}
    assert actions == outcome.before.actions_to(outcome.after)
    assert outcome.before.one_off == outcome.after.one_off
    for kind, planned, before, after in (
        ("networks", plan.networks, outcome.before.networks, outcome.after.networks),
        ("volumes", plan.volumes, outcome.before.volumes, outcome.after.volumes),
    ):
        assert {one.name for one in planned if one.action == "create"} == after - before, kind
        assert before <= after, "up removes neither networks nor volumes"
        expected = {f"{stage.project}_{name}": action for name, action in getattr(pair, kind).items()}
        assert {one.name: str(one.action) for one in planned if one.action != "keep"} == expected

    # Compose's dry run only confirms what is decided without it.
    assert [(s.service, s.action, s.reasons) for s in outcome.unrehearsed.services] == [
        (s.service, s.action, s.reasons) for s in plan.services
    ]
    # Which containers a scale-down keeps, of those that are replaced anyway, is Compose's to say.
    if not any(s.action == Change.RECREATE and s.now > s.wanted for s in plan.services):
        assert outcome.unrehearsed.services == plan.services
        assert outcome.unrehearsed.fingerprint == plan.fingerprint

    # Planning changed nothing, neither on the engine nor in the app's folder.
    assert outcome.unchanged_by_planning
