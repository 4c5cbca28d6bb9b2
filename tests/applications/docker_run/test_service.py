"""A docker run line becomes a service, or is refused in a sentence; nothing of it runs."""

from collections.abc import Iterator

import pytest
import yaml
from django.utils.translation import override

from apps.applications.compose_add import add_service
from apps.applications.content import Content, InvalidContent
from apps.applications.docker_run.adding import add_run_line
from apps.applications.docker_run.flags import FLAGS, How
from apps.applications.docker_run.service import read_run_line
from apps.applications.docker_run.special import ACTIONS
from apps.applications.docker_run.words import InvalidRunLine
from apps.applications.host_rules.rules import EVERYTHING
from apps.core.secret import MASK
from apps.deployer.check import check_content
from apps.deployer.runner import default_runner
from tests.applications.docker_run.lines import LINES
from tests.lab.engine import Engine


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.mark.parametrize("name", LINES)
def test_a_line_becomes_a_service(name: str) -> None:
    line, service = LINES[name]
    assert read_run_line(line).service == service


def test_compose_takes_every_one_of_them(engine: Engine) -> None:
    """One file with all the services, each added to the text of those before it."""
    text, typed = "", ""
    services: dict[str, str] = {}
    for name, (line, _) in LINES.items():
        added = add_run_line(text, typed, line)
        text, typed = added.compose, added.environment
        services[added.service] = name
    given = "USER=u\nTZ=UTC\nPORT=8080\nHOME=/root\nLANG=C\n"
    checked = check_content(Content.read(text, typed + given), default_runner(), host_rules=EVERYTHING)

    assert checked.problems == []
    assert checked.services == sorted(services)
    resolved = {services[name]: held for name, held in checked.model["services"].items()}
    assert resolved["shell"]["command"] == ["-c", 'echo "$$HOME costs 5$$"']
    assert resolved["variables"]["environment"] == {
        "TZ": "UTC", "USER": "u", "LANG": "C", "COST": "5$$", "PRICE": "$$9"
    }  # fmt: skip
    assert resolved["postgres"]["environment"]["POSTGRES_PASSWORD"] == "mysecretpassword"
    assert resolved["postgres-settings"]["environment"]["POSTGRES_PASSWORD"] == "x"
    assert [port["published"] for port in resolved["pihole"]["ports"]] == ["53", "53", "80"]
    assert resolved["health"]["healthcheck"]["test"] == ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]
    assert "uptime-kuma" in checked.model["volumes"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "no docker run line"),
        ("ls -la", "no docker run line"),
        ("docker ps", "Only docker run"),
        ("docker compose up -d", "Only docker run"),
        ("docker run -d", "names no image"),
        ("docker run -d -p", "stands at the end, without its value"),
        ("docker run --frobnicate nginx", "no --frobnicate that is known here"),
        ("docker run -d -Z --whatever nginx", "-Z, --whatever"),
        ("docker run nginx; rm -rf /", "; belongs to the shell"),
        ("docker run nginx && reboot", "&& belongs to the shell"),
        ("docker run nginx | tee log", "| belongs to the shell"),
        ("docker run nginx > /etc/passwd", "> belongs to the shell"),
        ("docker run -u $(id -u) nginx", "$(id -u) is a command of its own"),
        ('docker run -e "A=`touch /tmp/x`" nginx', "`touch /tmp/x` is a command of its own"),
        ("docker run -e 'A=1 nginx", "never closed"),
        ("docker run -e A=1\0 nginx", "character that no shell takes"),
        ("docker run " + "-e A=1 " * 4000 + "nginx", "at most 20,000"),
    ],
)
def test_it_refuses_what_it_cannot_take_in_a_sentence(line: str, words: str) -> None:
    with pytest.raises(InvalidRunLine) as refused:
        read_run_line(line)
    assert words in str(refused.value)


def test_it_tells_what_was_left_out() -> None:
    line = "docker -H tcp://h run --rm -P --link db:db --new-flag=3 --name 'My App!' -v data:/d -e A=$B nginx"
    found = read_run_line(line)
    told = "\n".join(found.notes)
    assert found.name == "My-App"
    for flag in (
        "-H before run",
        "--rm was left out",
        "-P was left out",
        "--link was left out",
        "--new-flag",
    ):
        assert flag in told
    assert "The volume data becomes the app's own" in told
    assert "Give these a value in the environment: B." in told


def test_what_looks_like_a_secret_goes_into_the_environment_under_a_free_name() -> None:
    line = (
        "docker run -e API_KEY='a$b c' -e DB_PASSWORD_FILE=/run/x -e KEYBOARD=de -e TOKEN= "
        "-e DATABASE=postgres://u:hunter2@db/x -e SITE=http://u@h:80/ nginx"
    )
    added = add_run_line("services:\n  web:\n    image: x\n", f"API_KEY={MASK}", line)
    service = yaml.safe_load(added.compose)["services"]["nginx"]
    assert service["environment"] == {
        "API_KEY": "${NGINX_API_KEY}", "DB_PASSWORD_FILE": "/run/x", "KEYBOARD": "de", "TOKEN": "",
        "DATABASE": "${DATABASE}", "SITE": "http://u@h:80/",
    }  # fmt: skip
    assert added.environment == (
        f"API_KEY={MASK}\nNGINX_API_KEY='a$b c'\nDATABASE=postgres://u:hunter2@db/x\n"
    )
    assert "a$b c" not in repr(added)
    assert "a$b c" not in "".join(added.notes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "services:\n  new:\n    image: x\n\nvolumes:\n  data:\n"),
        (
            "services:\n    web:\n        image: a # note\n\n# the end\n",
            "services:\n    web:\n        image: a # note\n    new:\n      image: x\n\n# the end\n\n"
            "volumes:\n  data:\n",
        ),
        (
            "volumes:\n  data: {}\nservices:\n  new:\n    image: a",
            "volumes:\n  data: {}\nservices:\n  new:\n    image: a\n  new-2:\n    image: x\n",
        ),
        (
            "services:\n  a: {image: a}\nvolumes: {}  # none yet\n",
            "services:\n  a: {image: a}\n  new:\n    image: x\nvolumes:  # none yet\n  data:\n",
        ),
        (
            "services:\n  a: {image: a}\nvolumes:\n",
            "services:\n  a: {image: a}\n  new:\n    image: x\nvolumes:\n  data:\n",
        ),
        ("# mine\n", "# mine\n\nservices:\n  new:\n    image: x\n\nvolumes:\n  data:\n"),
        ("services:\n", "services:\n  new:\n    image: x\n\nvolumes:\n  data:\n"),
        (
            "services:\n  a:\n    image: a\n    command: |\n      run\n      # last of it\n\n# the end\n",
            "services:\n  a:\n    image: a\n    command: |\n      run\n      # last of it\n  new:\n"
            "    image: x\n\n# the end\n\nvolumes:\n  data:\n",
        ),
        (
            "x-a: &a {image: a}\nservices:\n  b: {image: b}\n  a: *a\n# the end\n",
            "x-a: &a {image: a}\nservices:\n  b: {image: b}\n  a: *a\n  new:\n    image: x\n# the end\n\n"
            "volumes:\n  data:\n",
        ),
    ],
)
def test_a_service_is_added_and_the_rest_stays_as_it_is(before: str, after: str) -> None:
    text, _name = add_service(before, "new", {"image": "x"}, volumes={"data": {}})
    assert text == after


def test_it_is_not_added_where_the_file_has_faults_or_is_written_in_braces() -> None:
    for text, words in (
        ("services:\n\ta: 1\n", "TAB"),
        ("services: {a: {image: a}}\n", "one name a line"),
        ("- a\n- b\n", "The file is a list"),
        ("services: " + "[" * 200, "nested deeper than"),
    ):
        with pytest.raises(InvalidContent, match=words):
            add_service(text, "new", {"image": "x"})


def test_lines_of_a_quoted_value_are_no_comments() -> None:
    line = "# don't run it\ndocker run -e CONFIG='a: 1\n# not $x\nb: 2' \\\n# really\n nginx"
    assert read_run_line(line).service["environment"] == {"CONFIG": "a: 1\n# not $$x\nb: 2"}


def test_every_flag_with_a_rule_of_its_own_has_one() -> None:
    assert {name for name, flag in FLAGS.items() if flag.how == How.SPECIAL} == set(ACTIONS)
