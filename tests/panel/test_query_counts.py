"""No page asks the database more often when there are more apps, versions, events or people."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import Grant, Role, User
from apps.applications.host_rules.rules import HostRule
from apps.applications.models import App, ComposeVersion, HostAllowance
from apps.core.secret import Secret
from apps.deployer.runner.interface import CommandResult, Outcome
from apps.deployer.runner.subprocess_runner import SubprocessRunner
from apps.deployments.models import DeployEvent
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.authorization.routes import ROUTES
from tests.authorization.things import Things, own_and_foreign
from tests.panel.admin_records import NOON
from tests.panel.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db

# The first step fills more than one page of every list; the second must change nothing.
STEPS = (120, 240)
EVENTS_PER_APP = 5
# What answers with no page to somebody who is signed in, has no second factor, and whose engine is away.
NO_PAGES = {
    "account_login",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "event-approval",
    "event-retry",  # of one that has not failed
    "app-logs-download",
    "engine-prune",  # tests/deployer/prune/test_needs.py counts its queries
}


def grow(mark: str, number: int, own: App) -> None:
    """Add `number` of each thing, most of them as apps of their own, and as many to `own`."""
    slugs = [f"{mark}-{index}" for index in range(number)]
    apps = App.objects.bulk_create(App(slug=slug, name=slug.title()) for slug in slugs)
    newest = own.versions.order_by("-number").values_list("number", flat=True)[0]

    def version(app: App, number: int) -> ComposeVersion:
        return ComposeVersion(
            app=app,
            number=number,
            yaml=f"# {app.slug} {number}\nservices: {{web: {{image: 'nginx:{number}'}}}}\n",
            environment=Secret(""),
            sha256=f"{app.pk:032x}{number:032x}",
            author_name="ada",
        )

    versions = [version(app, 1) for app in apps]
    versions += [version(own, newest + index) for index in range(1, number + 1)]
    versions = ComposeVersion.objects.bulk_create(versions)
    for app, first in zip(apps, versions, strict=False):
        app.current_version = first
    App.objects.bulk_update(apps, ["current_version"])

    def event(app: App, version: ComposeVersion) -> DeployEvent:
        return DeployEvent(
            app=app,
            slug=app.slug,
            version=version,
            action="deploy",
            status="succeeded",
            requested_by="ada",
            queued_at=NOON,
            started_at=NOON,
            finished_at=NOON,
        )

    DeployEvent.objects.bulk_create(
        event(one.app, one) for one in versions for _ in range(EVENTS_PER_APP if one.app_id != own.pk else 1)
    )
    people = User.objects.bulk_create(User(username=slug, role=Role.VIEWER) for slug in slugs)
    Grant.objects.bulk_create(
        Grant(user=person, app=own, role=Role.DEPLOYER, given_by="root") for person in people
    )
    HostAllowance.objects.bulk_create(
        HostAllowance(app=app, rule=HostRule.DEVICES, reason="GPU", allowed_by="root", subject=f"/dev/{n}")
        for app in (own, apps[0])
        for n in slugs
    )
    RegistryCredential.objects.bulk_create(
        RegistryCredential(host=f"{slug}.example.com", username="robot", password=Secret("x" * 12))
        for slug in slugs
    )


def queries(client: Client, things: Things) -> dict[str, int]:
    """Return how many queries each page takes that is one."""
    counted = {}
    for name, route in ROUTES.items():
        if "GET" not in route.methods:
            continue
        address = reverse(name, kwargs=things.address(route.names))
        client.get(address)  # what is remembered between requests is not what this is about
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address)
        if answer.status_code == 200:
            counted[name] = len(captured)
    return counted


def test_every_page_takes_a_constant_number_of_queries(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeEngine.put_in_place(monkeypatch)
    no_engine = CommandResult(127, outcome=Outcome.NOT_STARTED)
    monkeypatch.setattr(SubprocessRunner, "run", lambda *args, **kwargs: no_engine)
    own, _foreign = own_and_foreign()
    client.force_login(make_person("root", Role.ADMINISTRATOR))
    counted: list[dict[str, Any]] = []
    for step in STEPS:
        grow(f"step-{step}", step, own.app)
        counted.append(queries(client, own))
    few, many = counted
    readable = {name for name, route in ROUTES.items() if "GET" in route.methods}
    assert readable - many.keys() == NO_PAGES
    more = {name: (few[name], many[name]) for name in few if many[name] > few[name]}
    assert more == {}
    assert max(many.values()) < 40
