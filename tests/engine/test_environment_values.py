"""Values of an app's environment arrive byte for byte: in Compose's reading, and in a real container."""

import base64
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.host_rules.rules import EVERYTHING
from apps.deployer.check import check_content
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, Project, compose
from apps.deployer.runner import default_runner
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import collect
from tests.lab.images import load_image

pytestmark = pytest.mark.engine

HARD = [
    "a$b ${X} $$ $1 $(id)",
    "${HOME}",
    "it's",
    'say "hi"',
    "'\"`",
    "\\",
    "back\\slash\\n \\0134 \\' \\\"",
    "'\\",
    "# no comment",
    "a #b",
    "  padded\t",
    "line one\nline two\n\n",
    "'\nquoted\r\nlines\r",
    "-----BEGIN KEY-----\nAAAA+/=\n-----END KEY-----\n",
    "über ß € 😀 漢字",
    "'\u00a0\u2028\ufeff'",
    "\x01\x1b[0m\x7f'",
    "{{.Names}} %s !x & | ; < >",
    "a=b=c",
    "=",
    "",
    "x" * 100_000,
]

names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,6}", fullmatch=True).map(lambda name: f"V_{name}")
texts = st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), max_size=30),
    st.text(alphabet=st.sampled_from("\\'\"$\n\r #{}ab01="), max_size=12),
)


def compose_file(found: dict[str, str], image: str = "x") -> str:
    """Return a file whose services get the values by each of the ways there are."""
    service = {"image": image, "command": ["sh", "-c", "env -0 | base64"]}
    ways = {
        "env_file": {"env_file": ".env"},
        "listed": {"environment": list(found)},
        "interpolated": {"environment": {name: f"${{{name}}}" for name in found}},
    }
    return json.dumps({"services": {name: service | way for name, way in ways.items()}}, indent=1)


SERVICES = ("env_file", "listed", "interpolated")


@given(found=st.dictionaries(names, texts, min_size=1, max_size=8))
@example(found={f"V_{number}": value for number, value in enumerate(HARD)})
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_compose_reads_what_was_rendered(engine, found):
    written = "".join(f"{name}={as_written(value)}\n" for name, value in found.items())
    checked = check_content(
        Content.read(compose_file(found), written), default_runner(), host_rules=EVERYTHING
    )
    assert checked.problems == []
    for service in SERVICES:
        read = checked.model["services"][service]["environment"]
        assert {name: (read[name] or "").replace("$$", "$") for name in found} == found


def as_written(value: str) -> str:
    """Return `value` as a person may write it, with the escapes that the panel documents."""
    escapes = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\r": "\\r", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'


def test_a_container_gets_the_values_byte_for_byte(engine, compose_project_cleanup, tmp_path):
    """Complaint row 9: `$` mangled in values (portainer#12635; compose#11058). Not here."""
    image = "simpledeploy.test/lab/env:1"
    load_image(engine, "job", image)
    slug = compose_project_cleanup("env")
    project = Project(f"simpledeploy-{slug}", tmp_path)
    found = {f"V_{number}": value for number, value in enumerate(HARD)}
    (tmp_path / COMPOSE_FILE).write_text(compose_file(found, image))
    (tmp_path / ENV_FILE).write_bytes(environment.render(found).encode())
    runner, env = default_runner(), process_environment(hide=found)
    try:
        up = collect(runner, compose(project, "up", "-d", "--pull", "never"), env=env, timeout=120)
        assert up.ok, up.stderr
        for service in SERVICES:
            container = f"{project.name}-{service}-1"
            engine.run("wait", container)
            arrived = environment_of(engine, container)
            assert {name: arrived.get(name) for name in found} == found
    finally:
        engine.forget_image(image)


def environment_of(engine, container: str) -> dict[str, str]:
    """Return the environment that the container's own process saw (base64: no log changes a byte of it)."""
    raw = base64.b64decode(engine.run("logs", container).stdout)
    return dict(pair.decode().split("=", 1) for pair in raw.split(b"\0") if pair)
