"""The check of a text while somebody writes it: like `app check`, and nothing is left behind."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts import rate_limits
from apps.accounts.models import AuditEntry, Role, User
from apps.applications.content import Problem
from apps.applications.models import App, ComposeVersion
from apps.core.secret import MASK
from apps.deployer import requests
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployments.models import DeployEvent
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import YAML, make_app, make_version

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
NEW, EDIT = "/apps/new/check/", "/apps/shop/edit/check/"


def check(client: Client, address: str = NEW, by: str = "compose", **fields: Any) -> dict[str, Any]:
    response = client.post(address, {"compose": YAML, "environment": "", "by": by} | fields)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def told(answer: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(one["source"], one["line"]) for one in answer["problems"]]


def test_it_finds_nothing_wrong_and_leaves_nothing_behind(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    before = AuditEntry.objects.count()
    answer = check(client)
    assert (answer["problems"], answer["failure"], answer["complete"]) == ([], "", True)
    assert not App.objects.exists()
    assert not DeployEvent.objects.exists()
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        ({"compose": ""}, ("compose", None), "There is no Compose file yet."),
        ({"compose": "services:\n\tweb: x"}, ("compose", 2), "TAB"),
        ({"compose": "services:\n  a\0b: {}"}, ("compose", 2), "NUL"),
        ({"compose": "services:\n  a: \u202e{}"}, ("compose", 2), "U+202E"),
        ({"compose": "<script>alert(1)</script>"}, ("compose", 1), "a single value"),
        ({"compose": "#" * (1024 * 1024 + 1)}, ("compose", None), "1,048,577 bytes"),
        ({"environment": "A=1\nB"}, ("environment", 2), "There is no value here."),
        ({"environment": f"A={MASK}"}, ("environment", 1), "A has no value yet"),
    ],
)
def test_what_the_panel_reads_itself_needs_no_compose(
    client: Client,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    place: tuple[str, int | None],
    words: str,
) -> None:
    person(Role.DEPLOYER)
    monkeypatch.setattr(requests, "check_content", lambda *_, **__: pytest.fail("Compose was asked"))
    for by in ("text", "compose"):
        answer = check(client, by=by, **fields)
        assert told(answer) == [place]
        assert words in answer["problems"][0]["message"]
        assert not answer["complete"] or by == "compose"


def test_before_a_pause_compose_is_not_asked(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.DEPLOYER)
    monkeypatch.setattr(requests, "check_content", lambda *_, **__: pytest.fail("Compose was asked"))
    answer = check(client, by="text")
    assert (answer["problems"], answer["complete"]) == ([], False)


def test_it_tells_what_compose_says_and_where_it_cannot_be_asked(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    fake_engine.problems = [Problem(3, 5, "services.web.image must be a string")]
    assert told(check(client)) == [("compose", 3)]
    fake_engine.problems = []
    fake_engine.failure = EngineUnreachable("Compose is missing.")
    answer = check(client)
    assert (answer["problems"], answer["complete"]) == ([], False)
    assert "Compose is missing." in answer["failure"]


def test_it_goes_by_what_this_person_may_ask_of_the_host(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.DEPLOYER)
    make_app()
    asked = []
    real = fake_engine.check_content

    def check_content(content: Any, runner: Any, **options: Any) -> Any:
        asked.append((options["host_rules"].is_everything, options["project"], options["folder"] is None))
        return real(content, runner, **options)

    monkeypatch.setattr(requests, "check_content", check_content)
    check(client)
    # The name that somebody thinks of for a new app gives no way into another one's folder.
    check(client, slug="shop")
    check(client, EDIT, base=1, seen=1)
    assert asked == [
        (False, "simpledeploy-check", True),
        (False, "simpledeploy-check", True),
        (False, "simpledeploy-shop", False),
    ]


def test_the_check_of_an_app_knows_its_hidden_values_and_tells_what_changed(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    app = make_app()
    version = make_version(app, YAML, "TOKEN=hunter2-hunter2\n")
    App.objects.filter(pk=app.pk).update(current_version=version)

    typed = {"base": 2, "compose": YAML.replace("alpine", "1.29"), "environment": f"TOKEN={MASK}\nB=1\n"}
    answer = check(client, EDIT, "text", **typed)

    assert answer["problems"] == check(client, EDIT, **typed)["problems"] == []
    assert "nginx:1.29" in answer["diff"]
    assert "<code>B</code>" in answer["diff"]
    assert "hunter2" not in str(answer)
    assert ComposeVersion.objects.count() == 2


def test_a_mask_in_quotes_is_a_fault_of_its_line(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    answer = check(client, environment=f"A=1\nB='{MASK}'\n")
    assert (told(answer), answer["failure"]) == ([("environment", 2)], "")


def test_a_difference_that_nobody_reads_is_not_drawn_with_every_pause(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)
    make_app()
    services = "".join(f"  web{number}:\n    image: a\n" for number in range(1500))
    answer = check(client, EDIT, "text", base=1, compose=f"services:\n{services}")
    assert "too long to compare here" in answer["diff"]
    assert len(answer["diff"]) < 2000


def test_it_is_limited_and_compose_more_so(
    client: Client, person: Person, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.DEPLOYER)
    monkeypatch.setitem(rate_limits.PER_MINUTE, rate_limits.COMPOSE_CHECKS, 1)
    monkeypatch.setitem(rate_limits.PER_MINUTE, rate_limits.CHECKS, 4)

    def status(by: str) -> int:
        return client.post(NEW, {"compose": YAML, "by": by}).status_code

    assert [status("compose"), status("compose"), status("text"), status("text"), status("text")] == [
        200, 429, 200, 200, 429
    ]  # fmt: skip


def test_it_is_not_for_operators_or_by_get(client: Client, person: Person, fake_engine: FakeEngine) -> None:
    person(Role.OPERATOR)
    make_app()
    assert client.post(NEW, {"compose": YAML}).status_code == 403
    assert client.post(EDIT, {"compose": YAML}).status_code == 403
    assert client.get(NEW).status_code == 405
