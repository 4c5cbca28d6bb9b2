"""Making an app, and deploying a new version of one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from apps.accounts.models import Role, User
from apps.applications.content import MAX_YAML_BYTES, Problem
from apps.applications.models import App, ComposeVersion
from apps.core.secret import MASK
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments.models import DeployEvent
from apps.panel.views.editor import EXAMPLE
from tests.accounts.people import ROLES
from tests.panel.editor_requests import ENVIRONMENT, NEWER, SECRET, app_with_environment, new_app, new_version
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import HTMX, YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]


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


@pytest.mark.parametrize("role", ROLES)
def test_only_deployers_edit(client: Client, person: Person, fake_engine: FakeEngine, role: str) -> None:
    person(role)
    make_app()
    refused = 403 if role else 404
    may = role in (Role.DEPLOYER, Role.OWNER, Role.ADMINISTRATOR)
    assert client.get("/apps/shop/edit/").status_code == (200 if may else refused)
    assert new_version(client).status_code == (302 if may else refused)


def test_what_is_missing_of_the_form_is_told(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.DEPLOYER)
    make_app()
    response = new_version(client, seen="")
    assert response.status_code == 400
    assert "seen: This field is required." in response.content.decode()


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
