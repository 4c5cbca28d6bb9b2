"""Which images a rollback brings back, how Compose is told, and what names cannot do."""

from pathlib import Path

import pytest
import yaml

from apps.applications.content import Content
from apps.applications.services import create_app, store_version
from apps.deployer.pins import ImageGone, Pin, choose, override, recorded
from apps.deployments.states import Action, Status
from tests.deployer.conftest import ANN
from tests.lab.engine import Engine
from tests.panel.admin_records import make_event

WEB = {"image": "demo/web:latest", "id": "sha256:1", "digest": "demo/web@sha256:a"}
BUILT = {"image": "simpledeploy-demo-api", "id": "sha256:2", "digest": ""}


class Loader(yaml.SafeLoader):
    """Reads what Compose reads: !reset takes a value away."""


Loader.add_constructor("!reset", lambda _loader, _node: "RESET")


@pytest.mark.parametrize(
    ("here", "pin"),
    [
        ({"demo/web@sha256:a", "sha256:1"}, Pin("demo/web@sha256:a", True)),
        # Somebody took its name away: the engine finds it by its id alone.
        ({"sha256:1"}, Pin("sha256:1", True)),
        (set(), Pin("demo/web@sha256:a", False)),
    ],
)
def test_an_image_is_named_as_the_engine_finds_it_or_as_the_registry_has_it(here: set[str], pin: Pin) -> None:
    assert choose({"web": WEB}, here) == {"web": pin}


def test_a_built_image_that_is_gone_is_told_by_its_service() -> None:
    assert choose({"api": BUILT}, {"sha256:2"}) == {"api": Pin("sha256:2", True)}
    with pytest.raises(ImageGone, match=r"the image that ran for api, job, .*with the same file instead"):
        choose({"web": WEB, "job": BUILT, "api": BUILT}, {"demo/web@sha256:a"})


def test_without_pins_there_is_no_override() -> None:
    assert override({}) == ""


HOSTILE = [
    "--build",
    "a.b-c_D",
    "yes",
    "1",
    "null",
    "we\"b'",
    "$HOME",
    "x: y",
    "<<",
    "&a",
    "*a",
    "!t",
    "#c",
    "é",
]


def test_hostile_names_and_references_stay_what_they_are() -> None:
    pins = {name: Pin(f"sha256:{n}$HOME${{X}}", bool(n % 2)) for n, name in enumerate(HOSTILE)}

    read = yaml.load(override(pins), Loader)["services"]

    assert list(read) == sorted(HOSTILE)
    for n, name in enumerate(HOSTILE):
        # Compose makes one $ of two.
        assert read[name]["image"] == f"sha256:{n}$$HOME$${{X}}"
        assert read[name]["build"] == "RESET"
        assert read[name].get("pull_policy") == ("never" if n % 2 else None)


def test_compose_reads_the_override_as_it_is_meant(engine: Engine, tmp_path: Path) -> None:
    """Over services of the file, of another file, of an extended one, and over ones that are built."""
    (tmp_path / "docker-compose.yml").write_text(
        "include: [more.yml]\n"
        "services:\n"
        '  "--build": {image: "demo/x:1", pull_policy: always}\n'
        "  built: {build: ., image: demo/built:1}\n"
        "  extended: {extends: {file: base.yml, service: base}}\n"
    )
    (tmp_path / "more.yml").write_text("services: {included: {image: demo/y:1}}\n")
    (tmp_path / "base.yml").write_text("services: {base: {build: ., environment: {A: b}}}\n")
    digest = "demo/z@sha256:" + "a" * 64
    names = ("--build", "built", "extended", "included")
    pins = {name: Pin(digest, is_here=name != "included") for name in names}
    (tmp_path / "docker-compose.images.yml").write_text(override(pins))
    files = ("-f", "docker-compose.yml", "-f", "docker-compose.images.yml")

    told = engine.run("compose", "-p", "pins", *files, "config", cwd=tmp_path).stdout

    services = yaml.safe_load(told)["services"]
    assert {name: one["image"] for name, one in services.items()} == dict.fromkeys(names, digest)
    assert not [name for name, one in services.items() if "build" in one]
    assert {name for name, one in services.items() if one.get("pull_policy") == "never"} == {
        "--build",
        "built",
        "extended",
    }
    assert services["extended"]["environment"] == {"A": "b"}


@pytest.mark.django_db
def test_what_counts_is_the_last_event_that_ran_the_version_well() -> None:
    app = create_app("demo", "", ANN)
    version, _ = store_version(app, Content("services: {web: {image: demo/web}}\n"), ANN)
    other, _ = store_version(app, Content("services: {web: {image: demo/web:2}}\n"), ANN)
    assert recorded(version) == {}
    images = {"web": {**WEB, "id": "sha256:old"}, "idle": {"image": "demo/idle"}}
    make_event(app, version=version, images=images)
    make_event(app, version=version, action=Action.ROLLBACK, images={"web": {**WEB, "pinned": "sha256:1"}})
    make_event(app, version=version, status=Status.UNSTABLE, images={"web": {**WEB, "id": "sha256:bad"}})
    make_event(app, version=version, action=Action.RESTART, images={"web": {**WEB, "id": "sha256:later"}})
    make_event(app, version=other, images={"web": {**WEB, "id": "sha256:other"}})

    assert recorded(version) == {"web": WEB}
