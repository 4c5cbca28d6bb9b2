"""Several people at one app: nobody goes over what they have not seen, and both texts can be put together."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from apps.accounts.models import Role, User
from apps.applications.models import App, ComposeVersion
from apps.core.secret import MASK
from apps.deployer import inquiry
from apps.deployments.models import DeployEvent
from tests.panel.editor_requests import ENVIRONMENT, NEWER, SECRET, app_with_environment, new_version
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
MINE = "services:\n  web:\n    image: nginx:alpine\n    restart: always\n"
Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture
def meanwhile(fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Let something happen while the content that was sent is checked."""

    def let(happen: Callable[[], object]) -> None:
        def check_content(*args: Any, **options: Any) -> Any:
            happen()
            return fake_engine.check_content(*args, **options)

        monkeypatch.setattr(inquiry, "check_content", check_content)

    return let


def test_it_says_that_somebody_else_was_quicker_and_then_lets_through(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_version(make_app(), NEWER)
    mine = "services:\n  web:\n    image: nginx:1.27\n"

    response = new_version(client, compose=mine)

    page = response.content.decode()
    assert response.status_code == 409
    assert "ada made version 2 while you were writing. Nothing was deployed." in page
    assert mine in page
    assert 'name="seen" value="2"' in page
    assert not DeployEvent.objects.exists()
    assert new_version(client, compose=mine, seen=2).status_code == 302


def test_it_refuses_to_go_over_a_version_that_became_current_meanwhile(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    """Somebody went back to version 1 while another wrote over version 2."""
    person(Role.DEPLOYER)
    app = make_app()
    make_version(app, NEWER)

    response = new_version(client, base=2, seen=2, current=2, compose="services: {web: {image: c}}\n")

    assert response.status_code == 409
    assert "Version 1 of ada became the current one" in response.content.decode()
    assert not DeployEvent.objects.exists()
    assert new_version(client, base=2, seen=2, current=1).status_code == 302


def test_two_at_the_same_moment_do_not_both_win(client: Client, person: Person, meanwhile: Meanwhile) -> None:
    """Another version is stored between the look at the newest one and the deploy."""
    person(Role.DEPLOYER)
    app = make_app()
    meanwhile(lambda: make_version(app, NEWER))

    response = new_version(client, compose="services: {web: {image: mine}}\n")

    assert response.status_code == 409
    assert "ada made version 2 while you were writing." in response.content.decode()
    assert "image: mine" in response.content.decode()
    assert not DeployEvent.objects.exists()


def newer_app() -> App:
    """Return an app of two versions, of which the second is the current one."""
    app = make_app()
    App.objects.filter(pk=app.pk).update(current_version=make_version(app, NEWER))
    return app


def roll_back(number: int) -> DeployEvent:
    version = ComposeVersion.objects.get(app__slug="shop", number=number)
    asked = {"app": version.app, "slug": "shop", "version": version, "requested_by": "ada"}
    return DeployEvent.objects.create(action="rollback", **asked)


def test_what_somebody_asked_for_does_not_go_under_before_it_has_ended(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    """A rollback makes no version, so the numbers alone tell nothing of it."""
    person(Role.DEPLOYER)
    newer_app()
    event = roll_back(1)
    mine: dict[str, Any] = {"base": 2, "seen": 2, "current": 2, "compose": MINE}

    response = new_version(client, **mine)

    page = response.content.decode()
    assert response.status_code == 409
    assert "Somebody asked for version 1 of ada while you were writing. Nothing was deployed." in page
    assert MINE in page
    assert 'name="current" value="1"' in page
    news = text(client, "/apps/shop/edit/news/?seen=2&current=2&base=2")
    assert "Somebody asked for version 1 while you write." in news
    assert list(DeployEvent.objects.all()) == [event]
    # Who opens the page now knows of it, and so does who was told.
    assert 'name="current" value="1"' in text(client, "/apps/shop/edit/")
    assert new_version(client, **mine | {"current": 1}).status_code == 302


def test_a_rollback_that_came_to_nothing_leaves_the_author_where_they_began(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    newer_app()
    event = roll_back(1)
    assert 'name="current" value="1"' in text(client, "/apps/shop/edit/")
    DeployEvent.objects.filter(pk=event.pk).update(status="cancelled")
    assert new_version(client, base=2, seen=2, current=1, compose=MINE).status_code == 302


def test_a_rollback_at_the_same_moment_is_not_overlooked(
    client: Client, person: Person, meanwhile: Meanwhile
) -> None:
    person(Role.DEPLOYER)
    newer_app()
    meanwhile(lambda: roll_back(1))
    response = new_version(client, base=2, seen=2, current=2, compose=MINE)
    assert response.status_code == 409
    assert DeployEvent.objects.get().action == "rollback"


def test_an_app_that_is_removed_meanwhile_is_not_made_anew(
    client: Client, person: Person, meanwhile: Meanwhile
) -> None:
    """Who may deploy this one app might not make apps at all."""
    person(Role.DEPLOYER)
    make_app()
    meanwhile(lambda: App.objects.update(removed_at=timezone.now()))
    response = new_version(client, compose=MINE)
    assert response.status_code == 400
    assert "The app shop was removed; nothing was started." in response.content.decode()
    assert MINE in response.content.decode()
    assert App.objects.count() == 1
    assert not DeployEvent.objects.exists()


def test_an_app_that_has_taken_the_name_meanwhile_gets_no_version(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.ADMINISTRATOR)
    app = make_app()

    def replaced(*args: Any, **options: Any) -> Any:
        App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
        make_app()
        return fake_engine.check_content(*args, **options)

    monkeypatch.setattr(inquiry, "check_content", replaced)
    page = new_version(client, compose=MINE).content.decode()
    assert "The app shop was removed; nothing was started." in page
    assert ComposeVersion.objects.count() == 2
    assert not DeployEvent.objects.exists()


def test_what_was_written_for_a_removed_app_can_become_a_new_one(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    App.objects.update(removed_at=timezone.now())
    response = new_version(client, compose=MINE, environment="A=typed\n", note="Mine")
    page = response.content.decode()
    assert response.status_code == 404
    assert "There is no app named shop. What you wrote is here, for a new app." in page
    for kept in (MINE, "A=typed", 'value="Mine"', 'value="shop"', 'action="/apps/new/"'):
        assert kept in page
    assert new_version(client, compose=MINE, intent="plan", headers=HTMX).status_code == 404
    assert not DeployEvent.objects.exists()
    person(Role.OPERATOR)
    assert "What you wrote" not in new_version(client, compose=MINE).content.decode()


# --- both versions beside each other ---


def test_a_refused_deploy_shows_all_three_texts(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_version(make_app(), NEWER)
    page = new_version(client, compose=MINE).content.decode()
    assert "Your text beside version 2" in page
    for shown in ("    image: nginx:1.29", "    restart: always"):
        assert f"{shown}</pre>" in page


def test_both_are_put_together_in_the_form_and_nothing_is_deployed(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app = app_with_environment()
    theirs = YAML.replace("image: nginx:alpine", "image: nginx:1.29")
    make_version(app, theirs, ENVIRONMENT.replace("fast", "slow") + "NEW=value\n")
    typed = f"# the database\r\nPASSWORD={MASK}\r\nMODE={MASK}\r\nMORE=mine\r\n"
    mine = "# mine\n" + YAML

    page = new_version(
        client, base=2, seen=2, compose=mine.replace("\n", "\r\n"), environment=typed, merge="3", intent=""
    ).content.decode()

    assert escape("# mine\n" + theirs) in page
    assert f"PASSWORD={MASK}\nMODE={MASK}\nMORE=mine\nNEW={MASK}\n" in page
    assert "your changes and those of version 3" in page
    assert 'name="seen" value="3"' in page
    assert SECRET not in page
    assert "slow" not in page
    assert not DeployEvent.objects.exists()


def test_what_is_deployed_after_that_has_both(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app = app_with_environment()
    make_version(app, YAML, ENVIRONMENT.replace("fast", "slow"))
    new_version(
        client, base=3, seen=3, current=2, compose=NEWER, environment=f"PASSWORD={MASK}\nMODE={MASK}\n"
    )
    version = ComposeVersion.objects.get(number=4)
    assert version.environment.reveal() == f"PASSWORD={SECRET}\nMODE=slow\n"


def test_who_put_both_together_has_seen_what_they_had_seen_before(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    """Somebody went back to version 1 while another wrote over version 2, which is the newest still."""
    person(Role.DEPLOYER)
    make_version(make_app(), NEWER)
    page = new_version(client, base=2, seen=2, current=1, compose=MINE, merge="1", intent="").content.decode()
    for name, value in (("base", 1), ("seen", 2), ("current", 1)):
        assert f'name="{name}" value="{value}"' in page


def test_a_renamed_value_is_put_together_with_theirs(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_version(app_with_environment(), YAML, ENVIRONMENT + "NEW=value\n")
    typed = {"environment": f"DB_PASSWORD={MASK}\nMODE={MASK}\n", "renamed": "DB_PASSWORD=PASSWORD"}
    page = new_version(client, base=2, seen=2, compose=YAML, merge="3", intent="", **typed).content.decode()
    assert f"DB_PASSWORD={MASK}\nMODE={MASK}\nNEW={MASK}\n" in page
    assert 'name="renamed" value="DB_PASSWORD=PASSWORD"' in page


def test_a_comparison_is_asked_for_and_shown_in_place(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_version(make_app(), NEWER)
    fragment = new_version(client, compose=MINE, compare="2", intent="", headers=HTMX).content.decode()
    assert fragment.lstrip().startswith('<section class="card diff-card"')
    assert new_version(client, compose=MINE, compare="9", intent="").status_code == 404


def test_the_same_news_are_told_once(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    app = make_app()
    address = "/apps/shop/edit/news/?seen=1&current=1&base=1"

    def again(page: str) -> str:
        found = re.search(r'hx-get="([^"]*)"', page)
        assert found
        assert found[1].startswith(escape(address))
        return unescape(found[1])

    nothing = again(text(client, address))
    assert client.get(nothing).status_code == 204
    make_version(app, NEWER)
    page = text(client, nothing)
    assert "ada made version 2" in page
    assert client.get(again(page)).status_code == 204


def test_news_tell_of_a_version_that_came_since(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    app = make_app()
    assert "while you write" not in text(client, "/apps/shop/edit/news/?seen=1&current=1")
    make_version(app, NEWER)
    assert "ada made version 2 while you write." in text(client, "/apps/shop/edit/news/?seen=1&current=1")
    assert "Version 1 became the current one" in text(client, "/apps/shop/edit/news/?seen=2&current=2")
    assert "while you write" not in text(client, "/apps/shop/edit/news/?seen=2&current=1")
