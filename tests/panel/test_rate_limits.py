"""Nobody keeps the machine busy by asking for what is expensive again and again."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.accounts import rate_limits
from apps.accounts.models import Role, User
from apps.deployments.models import DeployEvent
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, make_deployed_app

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]

# kind, method, address
EXPENSIVE = [
    (rate_limits.PLANS, "post", "/apps/new/"),
    (rate_limits.PLANS, "post", "/apps/shop/edit/"),
    (rate_limits.CHECKS, "post", "/apps/new/check/"),
    (rate_limits.CHECKS, "post", "/apps/shop/edit/check/"),
    (rate_limits.PLANS, "get", "/apps/shop/redeploy/"),
    (rate_limits.PLANS, "post", "/apps/shop/redeploy/"),
    (rate_limits.PLANS, "get", "/apps/shop/versions/1/rollback/"),
    (rate_limits.PLANS, "post", "/apps/shop/versions/1/rollback/"),
    (rate_limits.ACTIONS, "post", "/apps/shop/stop/"),
    (rate_limits.ACTIONS, "post", "/apps/shop/scale/"),
    (rate_limits.ACTIONS, "post", "/apps/shop/remove/"),
    (rate_limits.ENGINE_LISTS, "get", "/engine/projects/"),
    (rate_limits.ENGINE_LISTS, "get", "/engine/projects/old/adopt/"),
    (rate_limits.ENGINE_LISTS, "get", "/engine/prune/"),
    (rate_limits.REGISTRY_CHECKS, "post", "/registries/{credential}/check/"),
    (rate_limits.DOWNLOADS, "get", "/events/{event}/log.txt"),
    (rate_limits.DOWNLOADS, "get", "/admin/deployments/deployevent/export/"),
]


@pytest.fixture
def administrator(person: Person, fake_engine: FakeEngine) -> User:
    """Somebody signed in who may do everything, on a panel with an app, an event and a credential."""
    make_deployed_app("shop")
    RegistryCredential.objects.create(host="registry.example.com", username="ada")
    return person(Role.ADMINISTRATOR)


@pytest.mark.parametrize(("kind", "method", "address"), EXPENSIVE)
def test_the_one_too_many_is_refused_in_a_sentence(
    client: Client,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    method: str,
    address: str,
) -> None:
    monkeypatch.setitem(rate_limits.PER_MINUTE, kind, 0)
    address = _real(address)
    events = DeployEvent.objects.count()
    page = getattr(client, method)(address)
    fragment = getattr(client, method)(address, headers=HTMX)

    for response in (page, fragment):
        assert response.status_code == 429
        assert response["Retry-After"] == "60"
        assert f"more than 0 {kind} within a minute" in response.content.decode()
    assert DeployEvent.objects.count() == events


def test_each_person_has_a_share_of_their_own(
    client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rate_limits.PER_MINUTE, rate_limits.DOWNLOADS, 2)
    address = "/events/{event}/log.txt"
    codes = [_status(client, address) for _ in range(4)]
    assert codes == [200, 200, 429, 429]
    client.force_login(make_person("paul", Role.ADMINISTRATOR))
    assert _status(client, address) == 200
    # Another kind is another share.
    client.force_login(administrator)
    assert client.get("/apps/shop/versions/1/rollback/").status_code == 200


def test_reading_and_cancelling_are_never_limited(
    client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in rate_limits.PER_MINUTE:
        monkeypatch.setitem(rate_limits.PER_MINUTE, kind, 0)
    for address in (
        "/",
        "/apps/shop/",
        "/events/",
        "/events/{event}/",
        "/apps/new/",
        "/apps/shop/edit/",
        "/healthz",
    ):
        assert _status(client, address) == 200
    assert client.post(_real("/events/{event}/cancel/")).status_code in (302, 409)


def test_what_is_refused_by_the_method_does_not_count(
    client: Client, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rate_limits.PER_MINUTE, rate_limits.ACTIONS, 1)
    for _ in range(3):
        assert client.get("/apps/shop/scale/").status_code == 405
    assert client.post("/apps/shop/stop/").status_code == 302


def _status(client: Client, address: str) -> int:
    return client.get(_real(address)).status_code


def _real(address: str) -> str:
    """Return `address` with the ids of the one event and the one credential."""
    return address.format(event=DeployEvent.objects.get().pk, credential=RegistryCredential.objects.get().pk)
