"""Making an app, and deploying a new version of one."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from apps.accounts.models import Role, User
from apps.applications.content import MAX_YAML_BYTES, Problem
from apps.applications.models import App, ComposeVersion
from apps.core.secret import MASK
from apps.deployer import inquiry
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments.models import DeployEvent
from apps.panel.views.editor import EXAMPLE
from tests.accounts.people import ROLES
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
SECRET = "hunter2-hunter2"
ENVIRONMENT = f"# the database\nPASSWORD={SECRET}\nMODE=fast\n"
NEWER = "services:\n  web:\n    image: nginx:1.29\n"


def new_app(client: Client, **fields: Any) -> Any:
    posted = {"slug": "shop", "name": "", "compose": YAML, "environment": "", "note": "", "intent": "deploy"}
    return client.post("/apps/new/", posted | fields)


def new_version(client: Client, **fields: Any) -> Any:
    headers = fields.pop("headers", {})
    posted = {"compose": NEWER, "environment": "", "note": "", "base": 1, "seen": 1, "intent": "deploy"}
    return client.post("/apps/shop/edit/", posted | fields, headers=headers)


def app_with_environment() -> App:
    app = make_app()
    version = make_version(app, YAML, ENVIRONMENT)
    App.objects.filter(pk=app.pk).update(current_version=version)
    return app


# --- a new app ---


def test_a_new_app_is_stored_and_its_deploy_queued(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    user = person(Role.DEPLOYER)

    response = new_app(client, name="Web shop", environment=ENVIRONMENT, note="First")

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert (event.app.slug, event.app.name, event.app.created_by) == ("shop", "Web shop", user)
    assert event.version is not None
    assert (event.version.yaml, event.version.note) == (YAML, "First")
    assert event.version.environment.reveal() == ENVIRONMENT


def test_line_ends_of_a_browser_are_stored_as_written_on_unix(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    new_app(client, compose=YAML.replace("\n", "\r\n"), environment="A=1\r\n")
    version = ComposeVersion.objects.get()
    assert (version.yaml, version.environment.reveal()) == (YAML, "A=1\n")


def test_the_form_can_start_with_the_example(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    assert escape(EXAMPLE) in text(client, "/apps/new/?example=1")
    assert escape(EXAMPLE) not in text(client, "/apps/new/")


@pytest.mark.parametrize("role", ROLES)
def test_only_deployers_make_apps(client: Client, person: Person, fake_engine: FakeEngine, role: str) -> None:
    person(role)
    may = role in (Role.DEPLOYER, Role.OWNER, Role.ADMINISTRATOR)
    assert client.get("/apps/new/").status_code == (200 if may else 403)
    assert new_app(client).status_code == (302 if may else 403)
    assert App.objects.exists() is may


def test_it_needs_a_sign_in(client: Client) -> None:
    assert client.get("/apps/new/")["Location"].startswith("/login/")
    assert new_app(client)["Location"].startswith("/login/")
    assert not App.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"slug": "Web Shop"}, "cannot name an app"),
        ({"slug": "-rf"}, "cannot name an app"),
        ({"slug": "../etc"}, "cannot name an app"),
        ({"slug": "new"}, "reserved by the panel"),
        ({"slug": ""}, "This field is required"),
        ({"slug": "taken"}, "There is already an app named taken"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"note": "x" * 501}, "at most 500 characters"),
        ({"compose": ""}, "There is no Compose file yet"),
        ({"compose": "services:\n  web:\n  - [unclosed\n"}, "Line "),
        ({"compose": "just words"}, "Line 1"),
        ({"compose": "services: {}\n"}, "Line 1"),
        ({"compose": YAML + "# \0"}, "NUL byte"),
        ({"compose": YAML + "# " + "x" * MAX_YAML_BYTES}, "1,048,576 are allowed"),
        ({"environment": "no equals sign\n"}, "Line 1, column 1: There is no value here"),
        ({"environment": "OK=1\nDOCKER_HOST=tcp://x\n"}, "Line 2, column 1: DOCKER_HOST would steer"),
    ],
)
def test_it_refuses_bad_input_with_a_sentence_and_keeps_what_was_typed(
    client: Client, person: Person, fake_engine: FakeEngine, fields: dict[str, str], words: str
) -> None:
    person(Role.DEPLOYER)
    make_app("taken")

    response = new_app(client, **{"name": "Typed name"} | fields)

    page = response.content.decode()
    assert response.status_code == 400
    assert words in page
    assert 'aria-invalid="true"' in page
    for typed in fields.values():
        assert escape(typed[:200].rstrip("\0")) in page
    assert App.objects.count() == 1
    assert not DeployEvent.objects.exists()


def test_it_marks_the_lines_that_compose_refuses(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    fake_engine.problems = [Problem(3, 5, "services.web.image must be a string")]

    response = new_app(client)

    page = response.content.decode()
    assert response.status_code == 400
    assert "Line 3, column 5: services.web.image must be a string" in page
    assert 'data-problem-lines="3"' in page
    assert not App.objects.exists()


def test_it_keeps_what_was_typed_where_the_engine_is_gone(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    fake_engine.failure = EngineUnreachable("The engine does not answer. Nothing was started.")

    response = new_app(client, compose=NEWER)

    assert response.status_code == 400
    assert "The engine does not answer. Nothing was started." in response.content.decode()
    assert NEWER in response.content.decode()
    assert not App.objects.exists()


def test_a_page_that_echoes_an_environment_is_not_kept_by_caches(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    response = new_app(client, slug="", environment=ENVIRONMENT)
    assert "no-store" in response["Cache-Control"]


# --- the plan ---


def planned(client: Client, **fields: Any) -> Any:
    posted = {"slug": "shop", "compose": YAML, "environment": "", "note": "", "intent": "plan"}
    return client.post("/apps/new/", posted | fields)


def fingerprint(page: str) -> str:
    match = re.search(r'name="planned" value="([0-9a-f]{64})"', page)
    assert match, page
    return match[1]


def test_a_plan_tells_what_would_be_made_and_stores_nothing(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)

    response = planned(client)

    page = response.content.decode()
    assert response.status_code == 200
    assert "What the deploy will do" in page
    assert "<span>Create</span>" in page
    assert "nginx:alpine" in page
    assert "Deploy as planned" in page
    assert not App.objects.exists()
    assert not DeployEvent.objects.exists()


def test_a_plan_needs_no_name_yet_but_none_that_is_wrong(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app("taken")
    assert "Deploy as planned" in planned(client, slug="").content.decode()
    assert "cannot name an app" in planned(client, slug="Web Shop").content.decode()
    assert "There is already an app named taken" in planned(client, slug="taken").content.decode()
    assert "Deploy as planned" not in planned(client, slug="taken").content.decode()


def test_a_plan_answers_htmx_with_itself_alone(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    posted = {"slug": "shop", "compose": YAML, "intent": "plan"}

    def fragment(**fields: str) -> str:
        return client.post("/apps/new/", posted | fields, headers=HTMX).content.decode().lstrip()

    assert fragment().startswith('<section class="card plan"')
    refused = fragment(compose="services: []\n")
    assert refused.startswith('<div class="alert alert-danger"')
    assert "Compose file: Line 1" in refused
    fake_engine.problems = [Problem(None, None, "the network x is not there")]
    assert "the network x is not there" in fragment()
    fake_engine.failure = EngineUnreachable("Compose is missing.")
    assert "It could not be planned" in fragment()
    assert "Compose is missing." in fragment()


def test_what_a_plan_said_is_deployed(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.DEPLOYER)
    seen = fingerprint(planned(client).content.decode())

    response = planned(client, intent="", planned=seen)

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert event.images == {"web": {"image": "nginx:alpine"}}
    assert [one["service"] for one in event.expected] == ["web"]


def test_a_text_that_was_changed_since_the_plan_is_refused_with_the_new_plan(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    seen = fingerprint(planned(client).content.decode())

    response = planned(client, intent="", planned=seen, compose=NEWER)

    page = response.content.decode()
    assert response.status_code == 409
    assert "What the deploy would do is no longer what was shown. Nothing was deployed." in page
    assert "nginx:1.29" in page
    assert not App.objects.exists()
    assert planned(client, intent="", planned=fingerprint(page), compose=NEWER).status_code == 302


def test_an_app_that_has_changed_since_the_plan_is_refused_with_the_new_plan(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    fake_engine.runs("shop", YAML)
    page = new_version(client, intent="plan").content.decode()
    assert "<span>Recreate</span>" in page
    assert "image: nginx:alpine → nginx:1.29" in page
    fake_engine.runs("shop", NEWER)

    response = new_version(client, intent="", planned=fingerprint(page))

    page = response.content.decode()
    assert response.status_code == 409
    assert "The deploy will change nothing" in page
    assert NEWER in page
    assert not DeployEvent.objects.exists()


def test_a_plan_holds_only_while_nothing_else_is_queued_for_the_app(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    page = new_version(client, intent="plan").content.decode()
    assert new_version(client).status_code == 302

    response = new_version(client, intent="", planned=fingerprint(page), seen=2)

    assert response.status_code == 409
    assert "Something else is queued or runs for it." in response.content.decode()
    assert DeployEvent.objects.count() == 1


def test_a_plan_shows_no_value_of_the_environment(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    fake_engine.runs("shop", YAML)
    response = new_version(client, intent="plan", base=2, seen=2, environment=f"PASSWORD={MASK}\n")
    assert response.status_code == 200
    assert "What the deploy will do" in response.content.decode()
    assert SECRET not in response.content.decode()


def test_a_plan_makes_the_same_few_queries_however_many_apps_there_are(
    client: Client,
    person: Person,
    fake_engine: FakeEngine,
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:
    person(Role.DEPLOYER)
    for slug in ("shop", "one", "two", "three"):
        make_app(slug)
    with django_assert_max_num_queries(11):
        assert new_version(client, intent="plan").status_code == 200


# --- a new version ---


def test_the_form_starts_from_the_current_version_with_values_masked(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    app_with_environment()

    page = text(client, "/apps/shop/edit/")

    assert escape(YAML) in page
    assert f"# the database\nPASSWORD={MASK}\nMODE={MASK}\n" in page
    assert SECRET not in page


def test_the_form_can_start_from_any_version(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    make_version(make_app(), NEWER)

    assert "nginx:alpine" in text(client, "/apps/shop/edit/")
    assert "nginx:1.29" in text(client, "/apps/shop/edit/?version=2")
    assert client.get("/apps/shop/edit/?version=9").status_code == 404


def test_a_new_version_is_deployed_and_masked_values_stay(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    typed = f"# the database\r\nPASSWORD={MASK}\r\nMODE=slow\r\n"

    response = new_version(client, environment=typed, base=2, seen=2, note="Slower")

    event = DeployEvent.objects.get()
    assert response["Location"] == f"/events/{event.pk}/"
    assert event.version is not None
    assert (event.version.number, event.version.note) == (3, "Slower")
    assert event.version.environment.reveal() == f"# the database\nPASSWORD={SECRET}\nMODE=slow\n"


def test_the_same_content_makes_no_version_but_a_deploy(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    assert new_version(client, compose=YAML).status_code == 302
    assert ComposeVersion.objects.count() == 1
    assert DeployEvent.objects.count() == 1


def test_a_mask_behind_a_byte_order_mark_stands_for_its_value(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    assert new_version(client, environment=f"\ufeffPASSWORD={MASK}\n", base=2, seen=2).status_code == 302
    assert ComposeVersion.objects.get(number=3).environment.reveal() == f"PASSWORD={SECRET}\n"


def test_it_refuses_a_mask_that_stands_for_nothing(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()

    response = new_version(client, environment=f"A=1\nTOKEN={MASK}\n")

    assert response.status_code == 400
    assert "Line 2: TOKEN has no value yet" in response.content.decode()
    assert 'data-problem-lines="2"' in response.content.decode()
    assert not DeployEvent.objects.exists()


def test_a_refusal_does_not_show_the_values_behind_masks(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    fake_engine.problems = [Problem(1, 1, "refused")]

    response = new_version(client, environment=f"PASSWORD={MASK}\n", base=2, seen=2)

    assert response.status_code == 400
    assert SECRET not in response.content.decode()


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


@pytest.mark.parametrize("role", ROLES)
def test_only_deployers_edit(client: Client, person: Person, fake_engine: FakeEngine, role: str) -> None:
    person(role)
    make_app()
    refused = 403 if role else 404
    may = role in (Role.DEPLOYER, Role.OWNER, Role.ADMINISTRATOR)
    assert client.get("/apps/shop/edit/").status_code == (200 if may else refused)
    assert new_version(client).status_code == (302 if may else refused)


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


def test_two_at_the_same_moment_do_not_both_win(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version is stored between the look at the newest one and the deploy."""
    person(Role.DEPLOYER)
    app = make_app()
    real = fake_engine.check_content

    def quicker(*args: Any, **options: Any) -> Any:
        make_version(app, NEWER)
        return real(*args, **options)

    monkeypatch.setattr(inquiry, "check_content", quicker)

    response = new_version(client, compose="services: {web: {image: mine}}\n")

    assert response.status_code == 409
    assert "ada made version 2 while you were writing." in response.content.decode()
    assert "image: mine" in response.content.decode()
    assert not DeployEvent.objects.exists()


def roll_back(number: int) -> DeployEvent:
    version = ComposeVersion.objects.get(app__slug="shop", number=number)
    asked = {"app": version.app, "slug": "shop", "version": version, "requested_by": "ada"}
    return DeployEvent.objects.create(action="rollback", **asked)


def test_what_somebody_asked_for_does_not_go_under_before_it_has_ended(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    """A rollback makes no version, so the numbers alone tell nothing of it."""
    person(Role.DEPLOYER)
    app = make_app()
    App.objects.filter(pk=app.pk).update(current_version=make_version(app, NEWER))
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
    app = make_app()
    App.objects.filter(pk=app.pk).update(current_version=make_version(app, NEWER))
    event = roll_back(1)
    assert 'name="current" value="1"' in text(client, "/apps/shop/edit/")
    DeployEvent.objects.filter(pk=event.pk).update(status="cancelled")
    assert new_version(client, base=2, seen=2, current=1, compose=MINE).status_code == 302


def test_a_rollback_at_the_same_moment_is_not_overlooked(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.DEPLOYER)
    app = make_app()
    App.objects.filter(pk=app.pk).update(current_version=make_version(app, NEWER))
    real = fake_engine.check_content

    def quicker(*args: Any, **options: Any) -> Any:
        roll_back(1)
        return real(*args, **options)

    monkeypatch.setattr(inquiry, "check_content", quicker)
    response = new_version(client, base=2, seen=2, current=2, compose=MINE)
    assert response.status_code == 409
    assert DeployEvent.objects.get().action == "rollback"


def test_an_app_that_is_removed_meanwhile_is_not_made_anew(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may deploy this one app might not make apps at all."""
    person(Role.DEPLOYER)
    make_app()
    real = fake_engine.check_content

    def remove(*args: Any, **options: Any) -> Any:
        App.objects.update(removed_at=timezone.now())
        return real(*args, **options)

    monkeypatch.setattr(inquiry, "check_content", remove)
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


def test_what_is_missing_of_the_form_is_told(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.DEPLOYER)
    make_app()
    response = new_version(client, seen="")
    assert response.status_code == 400
    assert "seen: This field is required." in response.content.decode()


# --- both versions beside each other ---

MINE = "services:\n  web:\n    image: nginx:alpine\n    restart: always\n"


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


# --- a docker run line ---

LINE = "docker run --name cache -p 1:1 -e REDIS_PASSWORD=hunter3 -v data:/data redis:7 \\\r\n --save 60"


def test_a_run_line_becomes_a_service_of_a_new_app(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    page = new_app(client, compose="", slug="", intent="import", run=LINE).content.decode()
    assert "The service cache was added to the text below." in page
    assert "    image: redis:7\n    command:\n      - --save\n      - &#x27;60&#x27;\n" in page
    assert "REDIS_PASSWORD: ${REDIS_PASSWORD}" in page
    assert "REDIS_PASSWORD=hunter3\n" in page
    assert "volumes:\n  data:\n" in page
    assert not App.objects.exists()


def test_a_run_line_adds_a_service_to_what_was_typed(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    typed = f"PASSWORD={MASK}\r\nMODE=typed"
    page = new_version(
        client, base=2, seen=2, intent="import", run=LINE, environment=typed, note="A cache"
    ).content.decode()
    assert escape(NEWER + "  cache:\n    image: redis:7\n") in page
    assert f"PASSWORD={MASK}\nMODE=typed\nREDIS_PASSWORD=hunter3\n" in page
    assert 'value="A cache"' in page
    assert not DeployEvent.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"run": "docker run --what nginx"}, "--what that is known here"),
        ({"run": "docker run nginx; id"}, "; belongs to the shell"),
        ({"run": ""}, "no docker run line"),
        ({"run": "docker run nginx", "compose": "services: ["}, "Compose file, line"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told_at_the_line_and_nothing_typed_is_lost(
    client: Client, person: Person, fake_engine: FakeEngine, fields: dict[str, str], words: str
) -> None:
    person(Role.DEPLOYER)
    response = new_app(client, **{"name": "Typed name", "intent": "import"} | fields)
    page = response.content.decode()
    assert response.status_code == 400
    assert words in page.replace("&#x27;", "'")
    assert 'value="Typed name"' in page
    assert 'aria-describedby="id_run_help id_run_error"' in page
    assert escape(fields["run"]) in page


def test_a_renamed_value_stays_hidden_and_is_kept(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app_with_environment()
    typed = f"DB_PASSWORD={MASK}\nMODE={MASK}\n"
    new_version(client, environment=typed, renamed="DB_PASSWORD=PASSWORD", base=2, seen=2)
    version = ComposeVersion.objects.get(number=3)
    assert version.environment.reveal() == f"DB_PASSWORD={SECRET}\nMODE=fast\n"
