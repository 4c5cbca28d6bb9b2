"""`manage.py app`: what each subcommand asks for, lists and refuses, without an engine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction
from apps.accounts.audit.models import AuditEntry
from apps.applications.content import Content, InvalidContent, Problem
from apps.applications.models import App
from apps.applications.services import create_app, store_version
from apps.deployer import requests, rollback
from apps.deployer.cli import app_lists
from apps.deployer.state.app_state import AppState, ServiceState
from apps.deployments import logs, queue
from apps.deployments.models import DeployEvent
from apps.deployments.states import Action, Status
from tests.deployer.command_line import (
    BY,
    YAML,
    Manage,
    StandInWorker,
    make_app,
    manage,
    stand_in,
)
from tests.panel.admin_records import make_event

__all__ = ["manage", "stand_in"]

pytestmark = pytest.mark.django_db


class Requests:
    """Stands in for the requests modules: notes each call and queues its event."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.contents: list[Content] = []

    def submit_deploy(
        self, slug: str, content: Content, by: Actor, *, note: str = "", without_approval: str = ""
    ) -> DeployEvent:
        self.calls.append(("deploy", slug, note))
        self.contents.append(content)
        app = App.objects.live().filter(slug=slug).first() or create_app(slug, "", by)
        version, _is_new = store_version(app, content, by, note)
        return queue.enqueue(app, Action.DEPLOY, by, version=version, without_approval=without_approval)

    def submit_rollback(
        self, app: App, number: int, by: Actor, *, same_images: bool, without_approval: str = ""
    ) -> DeployEvent:
        self.calls.append(("rollback", app.slug, number, same_images))
        return queue.enqueue(
            app, Action.ROLLBACK, by, version=app.current_version, without_approval=without_approval
        )

    def submit_lifecycle(self, app: App, action: Action, by: Actor, *, services: list[str]) -> DeployEvent:
        self.calls.append((str(action), app.slug, *services))
        return queue.enqueue(app, action, by)

    def submit_scale(
        self, app: App, scale: dict[str, int], by: Actor, *, without_approval: str = ""
    ) -> DeployEvent:
        self.calls.append(("scale", app.slug, scale))
        return queue.enqueue(
            app, Action.SCALE, by, arguments={"scale": scale}, without_approval=without_approval
        )

    def submit_remove(
        self, app: App, by: Actor, *, volumes: bool = False, without_approval: str = ""
    ) -> DeployEvent:
        self.calls.append(("remove", app.slug, volumes))
        return queue.enqueue(
            app, Action.REMOVE, by, arguments={"volumes": volumes}, without_approval=without_approval
        )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, stand_in: StandInWorker) -> Requests:
    stand_in.live = True
    asked = Requests()
    monkeypatch.setattr(rollback, "submit_rollback", asked.submit_rollback)
    for name in ("submit_deploy", "submit_lifecycle", "submit_scale", "submit_remove"):
        monkeypatch.setattr(requests, name, getattr(asked, name))
    return asked


@pytest.fixture
def compose(tmp_path: Path) -> str:
    path = tmp_path / "compose.yml"
    path.write_text(YAML)
    return str(path)


def states(monkeypatch: pytest.MonkeyPatch, **known: AppState) -> None:
    monkeypatch.setattr(
        app_lists, "app_states", lambda slugs: {slug: known.get(slug, AppState("absent")) for slug in slugs}
    )


def deploy(manage: Manage, file: str, *words: str) -> Any:
    done = manage("app", "deploy", "shop", "--file", file, "--detach", *words)
    assert done.code == 0, done.err
    return done


def test_deploy_hands_over_content_note_and_who_asks(manage: Manage, asked: Requests, compose: str) -> None:
    deploy(manage, compose, "--message", "first")
    assert asked.calls == [("deploy", "shop", "first")]
    assert asked.contents == [Content(YAML)]
    event = DeployEvent.objects.get()
    assert (event.requested_from, bool(event.requested_by)) == ("command line", True)


def test_a_redeploy_keeps_the_environment_that_the_app_has(
    manage: Manage, asked: Requests, compose: str, tmp_path: Path
) -> None:
    make_app(environment="A=kept\n")
    done = deploy(manage, compose)
    assert asked.contents[-1].environment == "A=kept\n"
    assert "The environment of version 1 is kept." in done.err
    env = tmp_path / "new.env"
    env.write_text("A=new\n")
    done = deploy(manage, compose, "--env-file", str(env))
    assert asked.contents[-1].environment == "A=new\n"
    assert "kept" not in done.err


def test_it_keeps_the_environment_of_the_deploy_that_still_waits(
    manage: Manage, asked: Requests, compose: str, tmp_path: Path
) -> None:
    make_app(environment="A=old\n")
    env = tmp_path / "new.env"
    env.write_text("A=waiting\n")
    deploy(manage, compose, "--env-file", str(env))
    deploy(manage, compose)
    assert asked.contents[-1].environment == "A=waiting\n"


def test_it_keeps_the_current_environment_after_a_rollback(
    manage: Manage, asked: Requests, compose: str
) -> None:
    app, _version = make_app(environment="A=1\n")
    store_version(app, Content(YAML, "A=2\n"), BY)
    deploy(manage, compose)
    assert asked.contents[-1].environment == "A=1\n"


def test_a_rollback_says_where_no_images_are_recorded(manage: Manage, asked: Requests) -> None:
    make_app()

    done = manage("app", "rollback", "shop", "--to", "1", "--detach")
    refused = manage("app", "rollback", "shop", "--to", "1", "--images", "same")
    unknown = manage("app", "rollback", "shop", "--to", "1", "--images", "old")

    assert asked.calls == [("rollback", "shop", 1, False)]
    assert "No images of version 1 are recorded; it runs those that its file names." in done.err
    assert (refused.code, unknown.code) == (2, 2)
    assert "never ran well, so no images of it are recorded" in refused.err


def test_a_rollback_brings_back_recorded_images(manage: Manage, asked: Requests) -> None:
    app, version = make_app()
    make_event(app, version=version, images={"web": {"image": "demo/web:1", "id": "sha256:1", "digest": ""}})

    for words in ([], ["--images", "same"], ["--images", "file"]):
        manage("app", "rollback", "shop", "--to", "1", "--detach", *words)

    assert [call[-1] for call in asked.calls] == [True, True, False]


def test_it_keeps_the_newest_environment_where_nothing_was_brought_up_yet(
    manage: Manage, asked: Requests, compose: str
) -> None:
    app = create_app("shop", "", BY)
    store_version(app, Content(YAML, "A=1\n"), BY)
    deploy(manage, compose)
    assert asked.contents[-1].environment == "A=1\n"


def test_an_empty_env_file_takes_the_environment_away(manage: Manage, asked: Requests, compose: str) -> None:
    make_app(environment="A=1\n")
    deploy(manage, compose, "--env-file", "/dev/null")
    assert asked.contents[-1].environment == ""


def test_a_removed_apps_environment_is_not_kept(manage: Manage, asked: Requests, compose: str) -> None:
    app, _version = make_app(environment="A=1\n")
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    deploy(manage, compose)
    assert asked.contents[-1].environment == ""


def test_content_that_is_refused_names_the_file_line_and_column(
    manage: Manage, asked: Requests, compose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise InvalidContent([Problem(3, 5, "image must be a string")])

    monkeypatch.setattr(requests, "submit_deploy", refuse)
    done = manage("app", "deploy", "shop", "--file", compose)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{compose}, line 3, column 5: image must be a string\n"


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["rollback", "shop", "--to", "1"], ("rollback", "shop", 1, False)),
        (["rollback", "shop", "--to", "1", "--images", "file"], ("rollback", "shop", 1, False)),
        (["stop", "shop"], ("stop", "shop")),
        (["start", "shop"], ("start", "shop")),
        (["restart", "shop"], ("restart", "shop")),
        (["restart", "shop", "db", "web"], ("restart", "shop", "db", "web")),
        (["pull", "shop"], ("pull", "shop")),
        (["scale", "shop", "web=3", "worker=0"], ("scale", "shop", {"web": 3, "worker": 0})),
        (["scale", "shop", "web=-1"], ("scale", "shop", {"web": -1})),
        (["remove", "shop"], ("remove", "shop", False)),
        (["remove", "shop", "--volumes"], ("remove", "shop", True)),
    ],
)
def test_each_action_asks_for_what_its_words_say(
    manage: Manage, asked: Requests, words: list[str], call: tuple[Any, ...]
) -> None:
    make_app()
    done = manage("app", *words, "--detach", "--json")
    assert done.code == 0
    assert asked.calls == [call]
    assert done.json["action"] == words[0]
    assert done.json["status"] == "queued"


@pytest.mark.parametrize("words", [["web"], ["=3"], ["web="], ["web=x"], ["web=1", "web=2"], ["web=٣"]])
def test_a_scale_that_is_not_written_as_one_is_refused(
    manage: Manage, asked: Requests, words: list[str]
) -> None:
    make_app()
    done = manage("app", "scale", "shop", *words)
    assert (done.code, done.out, asked.calls) == (2, "", [])
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["rollback", "nope", "--to", "1"],
        ["stop", "nope"],
        ["scale", "nope", "web=1"],
        ["remove", "nope"],
        ["cancel", "nope"],
        ["versions", "nope"],
        ["events", "nope"],
    ],
)
def test_an_unknown_app_is_a_sentence_and_2(manage: Manage, asked: Requests, words: list[str]) -> None:
    done = manage("app", *words)
    assert (done.code, done.out) == (2, "")
    assert "no app named nope" in done.err


def test_an_unknown_event_is_a_sentence_and_2(manage: Manage) -> None:
    done = manage("app", "logs", "999")
    assert (done.code, done.out, done.err) == (2, "", "There is no event 999.\n")


def test_cancel_ends_a_queued_event(manage: Manage, stand_in: StandInWorker) -> None:
    app, version = make_app()
    event = queue.enqueue(app, Action.STOP, BY, version=version)
    done = manage("app", "cancel", "shop", "--json")
    assert done.code == 0
    assert (done.json["id"], done.json["status"]) == (event.pk, "cancelled")


def test_cancel_takes_what_is_next_or_the_event_that_is_named(
    manage: Manage, stand_in: StandInWorker
) -> None:
    app, version = make_app()
    first, second, third = (queue.enqueue(app, Action.STOP, BY, version=version) for _ in range(3))
    assert manage("app", "cancel", "shop", "--json").json["id"] == first.pk
    done = manage("app", "cancel", "shop", "--event", str(third.pk))
    assert done.out == f"Event {third.pk}: stop shop, version 1: cancelled.\n"
    assert "1 more of shop" in done.err
    second.refresh_from_db()
    assert second.status == Status.QUEUED


def test_cancel_with_nothing_to_cancel_is_refused(manage: Manage, stand_in: StandInWorker) -> None:
    app, version = make_app()
    done = manage("app", "cancel", "shop")
    assert done.code == 2
    assert "nothing to cancel" in done.err
    event = queue.cancel(queue.enqueue(app, Action.STOP, BY, version=version), BY)
    done = manage("app", "cancel", "shop", "--event", str(event.pk))
    assert done.code == 2
    assert "already ended" in done.err


def test_cancel_does_not_reach_another_apps_event(manage: Manage, stand_in: StandInWorker) -> None:
    make_app()
    other, version = make_app("other")
    event = queue.enqueue(other, Action.STOP, BY, version=version)
    done = manage("app", "cancel", "shop", "--event", str(event.pk))
    assert done.code == 2
    event.refresh_from_db()
    assert event.status == Status.QUEUED


def test_list_shows_state_and_what_is_deploying_newest_first(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ServiceState("web", "shop-web-1", "running", "", None, "demo/web:1", ("127.0.0.1:80->80/tcp",))
    states(monkeypatch, shop=AppState("up", (service,)))
    app, version = make_app()
    make_app("blog")
    event = queue.enqueue(app, Action.STOP, BY, version=version)
    queue.enqueue(app, Action.START, BY, version=version)
    done = manage("app", "list", "--json")
    assert [record["slug"] for record in done.json] == ["blog", "shop"]
    shop = done.json[1]
    assert (shop["state"], shop["current_version"]) == ("deploying", 1)
    assert shop["services"][0]["container"] == "shop-web-1"
    assert shop["deploying"] == {
        "event": event.pk,
        "action": "stop",
        "status": "queued",
        "step": "",
        "position": 1,
    }
    assert done.json[0]["deploying"] is None
    lines = manage("app", "list").out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["APP", "STATE"],
        ["blog", "absent"],
        ["shop", "deploying"],
    ]
    assert f"stop, place 1 (event {event.pk})" in lines[2]


def test_list_leaves_removed_apps_out_and_an_empty_list_is_one(
    manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    states(monkeypatch)
    app, _version = make_app()
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    assert manage("app", "list", "--json").json == []
    assert "no apps yet" in manage("app", "list").err


def test_versions_are_newest_first_and_show_no_values(manage: Manage) -> None:
    app, _version = make_app(environment="TOKEN=very-secret-value\n")
    store_version(app, Content(YAML.replace(":1", ":2")), BY, "second")
    done = manage("app", "versions", "shop", "--json")
    assert [version["number"] for version in done.json] == [2, 1]
    assert done.json[1]["environment"] == ["TOKEN"]
    lines = manage("app", "versions", "shop").out.splitlines()
    assert lines[1].startswith("2 ")
    assert lines[1].endswith("second")
    assert lines[2].startswith("1 (current)")
    assert "very-secret-value" not in done.out + "".join(lines)


def test_events_and_versions_of_a_removed_app_can_still_be_read(manage: Manage) -> None:
    app, version = make_app()
    event = queue.enqueue(app, Action.STOP, BY, version=version)
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    assert manage("app", "events", "shop", "--json").json[0]["id"] == event.pk
    assert manage("app", "versions", "shop", "--json").json[0]["number"] == 1


def test_versions_are_those_of_the_living_app_where_a_slug_is_used_again(manage: Manage) -> None:
    app, _version = make_app()
    store_version(app, Content(YAML.replace(":1", ":2")), BY)
    App.objects.filter(pk=app.pk).update(removed_at=timezone.now())
    make_app()
    assert [v["number"] for v in manage("app", "versions", "shop", "--json").json] == [1]


def test_events_are_newest_first_with_the_columns_of_the_table(manage: Manage) -> None:
    app, version = make_app()
    first = queue.enqueue(app, Action.DEPLOY, BY, version=version)
    second = queue.enqueue(app, Action.SCALE, BY, version=version, arguments={"scale": {"web": 2}})
    done = manage("app", "events", "shop", "--json")
    assert [event["id"] for event in done.json] == [second.pk, first.pk]
    newest = done.json[0]
    assert newest["arguments"] == {"scale": {"web": 2}}
    assert newest["position"] == 2
    assert newest["version"] == 1
    assert newest["requested_by"] == "alice"
    assert newest["exit_code"] is None
    assert newest["queued_at"] == second.queued_at.isoformat()
    assert newest["finished_at"] is None
    assert [e["id"] for e in manage("app", "events", "shop", "--limit", "1", "--json").json] == [second.pk]
    lines = manage("app", "events", "shop").out.splitlines()
    assert lines[1].split()[:5] == [str(second.pk), "scale", "1", "queued", "place"]


def test_events_take_a_constant_number_of_queries(manage: Manage, django_assert_max_num_queries: Any) -> None:
    app, version = make_app()
    for _ in range(5):
        queue.enqueue(app, Action.STOP, BY, version=version)
    with django_assert_max_num_queries(3):
        manage("app", "events", "shop", "--json")


def test_logs_are_the_lines_in_their_order(manage: Manage) -> None:
    app, version = make_app()
    event = queue.enqueue(app, Action.STOP, BY, version=version)
    now = timezone.now()
    logs.append_lines(event.pk, 1, [(now, "stdout", "one"), (now, "panel", "two")])
    logs.append_lines(event.pk, 3, [(now, "stderr", "three")])
    assert manage("app", "logs", str(event.pk)).out == "one\ntwo\nthree\n"
    with_times = manage("app", "logs", str(event.pk), "--timestamps").out.splitlines()
    assert with_times[0] == f"{now.isoformat(timespec='milliseconds')} one"
    listed = manage("app", "logs", str(event.pk), "--json").json
    assert [(line["seq"], line["stream"], line["text"]) for line in listed] == [
        (1, "stdout", "one"),
        (2, "panel", "two"),
        (3, "stderr", "three"),
    ]


def test_logs_of_an_event_without_output_are_empty(manage: Manage) -> None:
    app, version = make_app()
    event = queue.enqueue(app, Action.STOP, BY, version=version)
    assert manage("app", "logs", str(event.pk)).out == ""
    assert manage("app", "logs", str(event.pk), "--json").json == []


def checked(**found: Any) -> Any:
    nothing: dict[str, list[Any]] = {"services": [], "images": [], "registries": [], "problems": []}
    nothing["warnings"] = []
    return SimpleNamespace(**{**nothing, **found})


def test_check_tells_what_the_file_holds(
    manage: Manage, monkeypatch: pytest.MonkeyPatch, compose: str
) -> None:
    found = {"services": ["db", "web"], "images": ["demo/web:1"], "registries": ["docker.io"]}
    monkeypatch.setattr(requests, "check", lambda content, by: checked(**found))
    done = manage("app", "check", "--file", compose, "--json")
    assert done.code == 0
    assert done.json == {"valid": True, **found, "problems": []}
    assert "web" in manage("app", "check", "--file", compose).out
    assert not App.objects.exists()


@pytest.mark.parametrize("own", [True, False])
def test_check_of_a_bad_file_has_the_same_shape_and_exits_with_2(
    manage: Manage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, own: bool
) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("services: [" if own else YAML)
    problem = Problem(3, 5, "image must be a string")
    monkeypatch.setattr(requests, "check", lambda content, by: checked(problems=[problem]))
    done = manage("app", "check", "--file", str(file), "--json")
    assert done.code == 2
    assert done.json.keys() == {"valid", "services", "images", "registries", "problems"}
    assert done.json["valid"] is False
    assert done.json["problems"][0].keys() >= {"line", "column", "message"}
    plain = manage("app", "check", "--file", str(file))
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith(f"{file}, line ")


def test_a_deploy_of_a_protected_app_says_what_it_waits_for(
    manage: Manage, asked: Requests, tmp_path: Path
) -> None:
    make_app()
    App.objects.update(protected=True)
    (tmp_path / "f.yml").write_text(YAML)
    deploy = ("app", "deploy", "shop", "--file", str(tmp_path / "f.yml"), "--detach")

    done = manage(*deploy)

    event = DeployEvent.objects.get()
    assert (done.code, event.approval) == (0, "awaited")
    assert "queued, waits for approval." in done.out
    assert f"another person has to approve event {event.pk} in the panel, on /events/{event.pk}/" in done.err
    told = manage(*deploy, "--json").json
    assert (told["status"], told["step"], told["position"]) == ("queued", "approval", 0)
    (listed,) = manage("app", "list", "--json").json
    assert listed["deploying"]["step"] == "approval"
    assert listed["state"] != "deploying"
    assert f"deploy waits for approval (event {event.pk})" in manage("app", "list").out


@pytest.mark.parametrize(
    "words",
    [
        ("deploy", "shop", "--file", "-"),
        ("rollback", "shop", "--to", "1"),
        ("scale", "shop", "web=2"),
        ("remove", "shop"),
    ],
)
def test_an_emergency_needs_a_reason_and_then_does_not_wait(
    words: tuple[str, ...], manage: Manage, asked: Requests
) -> None:
    make_app()
    App.objects.update(protected=True)

    assert manage("app", *words, "--without-approval", " ", stdin=YAML.encode()).code == 2
    assert not DeployEvent.objects.exists()

    reason = ("--without-approval", "shop is down", "--detach", "--json")
    told = manage("app", *words, *reason, stdin=YAML.encode()).json
    assert (told["approval"], told["approval_note"], told["position"]) == ("overridden", "shop is down", 1)
    assert AuditEntry.objects.filter(action=AuditAction.APPROVAL_OVERRIDDEN).exists()


def test_refusing_ends_what_waits_and_is_refused_for_what_does_not(manage: Manage, asked: Requests) -> None:
    app, _version = make_app()
    App.objects.update(protected=True)
    event = queue.enqueue(app, Action.REMOVE, BY)

    done = manage("app", "refuse", str(event.pk), "--reason", "not on a Friday")

    assert (done.code, done.out) == (0, f"Event {event.pk}: remove shop: cancelled.\n")
    again = manage("app", "refuse", str(event.pk), "--reason", "x")
    assert (again.code, "has refused event" in again.err) == (2, True)
    assert manage("app", "refuse", "999", "--reason", "x").err == "There is no event 999.\n"


def test_cancel_finds_what_waits_for_approval(manage: Manage, asked: Requests) -> None:
    app, _version = make_app()
    App.objects.update(protected=True)
    event = queue.enqueue(app, Action.REMOVE, BY)

    assert manage("app", "cancel", "shop").code == 0
    event.refresh_from_db()
    assert event.approval == "lapsed"


def test_tag_gives_and_takes_tags_and_the_list_has_them(manage: Manage, monkeypatch: Any) -> None:
    make_app()
    states(monkeypatch)
    assert manage("app", "tag", "shop", "add", "web", "Team-A").out == "team-a\nweb\n"
    done = manage("app", "tag", "shop", "remove", "web", "--json")
    assert done.json == {"app": "shop", "tags": ["team-a"]}
    assert manage("app", "list", "--json").json[0]["tags"] == ["team-a"]
    refused = manage("app", "tag", "shop", "add", "a b")
    assert (refused.code, "cannot be a tag" in refused.err) == (2, True)
    assert manage("app", "tag", "nope", "add", "web").code == 2
