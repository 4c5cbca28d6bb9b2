"""What the apps need of the engine: the current version, the last that ran well, and what is on its way."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import create_app, store_version
from apps.deployer.prune.needs import find_needs
from apps.deployments import queue
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN
from tests.panel.admin_records import make_event

pytestmark = pytest.mark.django_db


def version(app: App, number: int) -> ComposeVersion:
    return store_version(app, Content(f"services: {{web: {{image: demo/web:{number}}}}}\n"), ANN)[0]


def ran(app: App, which: ComposeVersion, mark: str, **more: Any) -> None:
    """Note that `which` ran the image with the id and digest `mark`, called by its number."""
    digest = f"demo/web@sha256:{mark}"
    images = {"web": {"image": f"demo/web:{which.number}", "id": f"sha256:{mark}", "digest": digest}}
    make_event(app, version=which, images=images, **more)


def kept_ids() -> set[str]:
    return {reference for reference in find_needs().images if reference.startswith("sha256:")}


@pytest.fixture
def app() -> App:
    return create_app("shop", "", ANN)


def make_current(app: App, which: ComposeVersion) -> None:
    App.objects.filter(pk=app.pk).update(current_version=which)


def test_the_current_version_and_the_last_ones_that_ran_well(app: App, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_KEEP_VERSIONS = 2
    for number in range(1, 6):
        ran(app, version(app, number), str(number))
    ran(app, version(app, 6), "6", status=Status.FAILED)
    make_current(app, version(app, 5))

    images = find_needs().images

    assert kept_ids() == {"sha256:5", "sha256:4", "sha256:3"}
    assert images["sha256:4"] == {"shop": "version 4"}
    assert images["sha256:5"] == {"shop": "current version 5"}
    assert "demo/web@sha256:3" in images
    # By name only what is current: what the others ran is known exactly.
    assert {r for r in images if r.startswith("demo/web:")} == {"demo/web:5"}


def test_of_a_version_counts_what_a_rollback_goes_by_and_what_it_runs_now(app: App) -> None:
    first, second = version(app, 1), version(app, 2)
    ran(app, first, "old")
    ran(app, first, "new")
    ran(app, second, "oldest-of-current")
    ran(app, second, "well")
    ran(app, second, "unstable", status=Status.UNSTABLE)
    make_current(app, second)

    assert kept_ids() == {"sha256:new", "sha256:well", "sha256:unstable"}


def test_the_last_versions_are_those_that_ran_last(app: App, settings: Settings) -> None:
    settings.SIMPLEDEPLOY_KEEP_VERSIONS = 1
    first, second, third = (version(app, number) for number in (1, 2, 3))
    for which in (first, second, third):
        ran(app, which, str(which.number))
    ran(app, first, "1", action=Action.ROLLBACK)
    make_current(app, third)

    assert kept_ids() == {"sha256:3", "sha256:1"}


def test_a_removed_app_needs_nothing_but_the_names_that_it_used_are_known(app: App) -> None:
    ran(app, version(app, 1), "1")
    asked = {"web": {"image": "docker.io/library/nginx"}, "odd": {"image": "UPPER!/x"}}
    make_event(app, version=version(app, 2), images=asked, status=Status.CANCELLED)
    App.objects.update(removed_at=timezone.now())

    needs = find_needs()

    assert needs.images == {}
    assert needs.used_names == {"demo/web:1", "nginx:latest"}
    assert (needs.live_projects, needs.removed_projects) == (frozenset(), {"simpledeploy-shop"})


def test_a_slug_that_is_used_again_is_live(app: App) -> None:
    App.objects.update(removed_at=timezone.now())
    create_app("shop", "", ANN)
    needs = find_needs()
    assert (needs.live_projects, needs.removed_projects) == ({"simpledeploy-shop"}, frozenset())


def test_what_is_queued_or_runs_needs_its_names_and_its_pins(app: App) -> None:
    pins = {"api": {"image": "built", "id": "sha256:pinned", "digest": ""}}
    asked: dict[str, Any] = {"arguments": {"images": "same", "pins": pins}}
    images = {"web": {"image": "demo/web"}}
    queue.enqueue(app, Action.ROLLBACK, ANN, version=version(app, 1), images=images, **asked)

    needed = find_needs().images

    assert {"demo/web:latest", "built:latest", "sha256:pinned"} <= set(needed)
    assert needed["sha256:pinned"] == {"shop": "what is queued or runs"}


def test_thirty_apps_take_as_many_queries_as_one(app: App, django_assert_num_queries: Any) -> None:
    ran(app, version(app, 1), "1")
    with django_assert_num_queries(5):
        find_needs()
    for number in range(30):
        other = create_app(f"app-{number}", "", ANN)
        ran(other, version(other, 1), "1")
    with django_assert_num_queries(5):
        find_needs()
