"""The page before a rollback: the choice of images, the plan, and what was planned is what is done."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications.models import App
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments import queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action
from tests.accounts.people import ROLES
from tests.panel.admin_records import make_event
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import BY, HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
PAGE = "/apps/shop/versions/2/rollback/"
DIGEST = "nginx@sha256:0123456789abcdef0123"
NGINX = {"image": "nginx:alpine", "id": "sha256:fedcba9876543210", "digest": DIGEST}


@dataclass
class Shop:
    app: App
    engine: FakeEngine


@pytest.fixture
def shop(fake_engine: FakeEngine) -> Shop:
    """An app whose version 2 ran well before version 1 did."""
    app = make_app()
    version = make_version(app, f"{YAML}# earlier\n")
    make_event(app, version=version, images={"web": NGINX})
    fake_engine.images = [DIGEST]
    return Shop(app, fake_engine)


def planned(page: str) -> str:
    return page.partition('name="planned" value="')[2].partition('"')[0]


def asked() -> dict[str, object]:
    event = DeployEvent.objects.active().get()
    assert event.action == Action.ROLLBACK
    return dict(event.arguments)


def test_it_offers_the_images_that_ran_and_plans_with_them(
    client: Client, person: Person, shop: Shop
) -> None:
    person(Role.OPERATOR)

    page = text(client, PAGE)

    assert 'value="same" checked' in page
    assert "<code>nginx:alpine</code>" in page
    assert ">0123456789ab</code>" in page
    assert "<span>Here</span>" in page
    assert "What the deploy will do" in page
    assert '<input type="hidden" name="images" value="same">' in page
    assert not DeployEvent.objects.active().exists()


def test_the_other_choice_has_a_plan_of_its_own(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)

    page = text(client, f"{PAGE}?images=file")

    assert 'value="file" checked' in page
    assert '<input type="hidden" name="images" value="file">' in page
    assert planned(page) != planned(text(client, PAGE))


def test_it_answers_htmx_with_the_plan_alone(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)
    fragment = text(client, f"{PAGE}?images=file", **HTMX)
    assert fragment.lstrip().startswith('<section class="card plan"')
    assert planned(fragment)


def test_what_was_planned_is_queued_with_its_pins(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)

    response = client.post(PAGE, {"images": "same", "planned": planned(text(client, PAGE))})

    assert response.status_code == 302
    assert asked() == {"images": "same", "pins": {"web": NGINX}}


@pytest.mark.parametrize("fields", [{}, {"images": "same"}])
def test_without_a_plan_the_images_are_the_same(
    client: Client, person: Person, shop: Shop, fields: dict[str, str]
) -> None:
    person(Role.OPERATOR)
    assert client.post(PAGE, fields).status_code == 302
    assert asked()["images"] == "same"


def test_the_file_alone_pins_nothing(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)
    page = text(client, f"{PAGE}?images=file")
    assert client.post(PAGE, {"images": "file", "planned": planned(page)}).status_code == 302
    assert asked() == {"images": "file"}


def test_a_plan_that_no_longer_holds_is_refused_with_the_new_one(
    client: Client, person: Person, shop: Shop
) -> None:
    person(Role.OPERATOR)
    old = planned(text(client, PAGE))
    # Its name was taken away meanwhile: Compose is told another reference.
    shop.engine.images = [NGINX["id"]]

    response = client.post(PAGE, {"images": "same", "planned": old})

    page = response.content.decode()
    assert response.status_code == 409
    assert "no longer what was shown" in page
    assert planned(page) not in ("", old)
    assert not DeployEvent.objects.active().exists()


def test_a_plan_is_refused_while_something_else_waits(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)
    page = text(client, PAGE)
    queue.enqueue(shop.app, Action.STOP, BY)

    response = client.post(PAGE, {"images": "same", "planned": planned(page)})

    assert response.status_code == 409
    assert "Something else is queued or runs for it." in response.content.decode()


def test_an_image_that_would_be_pulled_or_is_gone_says_so(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)
    shop.engine.images = []
    assert "it would be pulled" in text(client, PAGE)

    version = shop.app.versions.get(number=2)
    make_event(shop.app, version=version, images={"web": {**NGINX, "digest": ""}})
    page = text(client, PAGE)

    assert "Gone: it was in no registry" in page
    assert "no longer has the image that ran for web" in page
    assert "as planned" not in page
    assert "Deploy as planned" in text(client, f"{PAGE}?images=file")


def test_a_version_that_never_ran_well_has_the_file_only_and_says_why(
    client: Client, person: Person, shop: Shop
) -> None:
    person(Role.OPERATOR)
    make_version(shop.app, f"{YAML}# never deployed\n")

    page = text(client, PAGE.replace("/2/", "/3/"))

    assert "no deploy of this version has succeeded" in page
    assert 'value="same"' not in page
    assert 'value="file" checked' in page
    refused = client.post(PAGE.replace("/2/", "/3/"), {"images": "same"})
    assert refused.status_code == 409
    assert "never ran well" in refused.content.decode()
    assert client.post(PAGE, {"images": "other"}).status_code == 400
    assert not DeployEvent.objects.active().exists()


def test_an_engine_that_does_not_answer_is_told(client: Client, person: Person, shop: Shop) -> None:
    person(Role.OPERATOR)
    shop.engine.failure = EngineUnreachable()

    page = text(client, PAGE)

    assert "The Docker engine does not answer" in page
    assert "Roll back as planned" not in page


@pytest.mark.parametrize("role", ROLES)
def test_it_is_for_operators(client: Client, person: Person, shop: Shop, role: str) -> None:
    assert client.get(PAGE)["Location"].startswith("/login/")
    person(role)
    may = role not in ("", Role.VIEWER)
    assert client.get(PAGE).status_code == (200 if may else 403 if role else 404)


def test_nobody_reaches_another_apps_version(client: Client, person: Person, shop: Shop) -> None:
    person(Role.ADMINISTRATOR)
    make_app("blog")
    assert client.get("/apps/blog/versions/2/rollback/").status_code == 404
    assert client.delete(PAGE).status_code == 405
