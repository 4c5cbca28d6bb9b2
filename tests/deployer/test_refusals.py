"""The words are those of Compose 2.26, taken from its own standard error."""

from pathlib import Path

import pytest

from apps.deployer.refusals import _may_become, problem_of, unset_variables, warnings_in

STAGING = Path("/dev/shm/simpledeploy/check-x")
FILE = """\
services:
  web:
    image: nginx
    container_name: one
    ports:
      - "${HTTP_PORT}"
      - "8080:http"
    volumes:
      - ${MEDIA}:/media
      - cache:/cache
    env_file:
      - ./.env
      - extra.env
    environment:
      - TOKEN=${TOKEN:?}
    depends_on: [job]
    networks: [front]
    prots: []
  job:
    extends: {file: base.yml, service: x}
bogus: 1
volumes: [cache]
"""


def unset(name: str) -> str:
    text = f'The \\"{name}\\" variable is not set. Defaulting to a blank string.'
    return f'time="2026-11-23T08:48:16Z" level=warning msg="{text}"\n'


SCHEMA = f"validating {STAGING}/docker-compose.yml: "
INVALID = ": invalid compose project"


@pytest.mark.parametrize(
    ("stderr", "place", "end"),
    [
        (
            f"{SCHEMA}services.web Additional property prots is not allowed",
            (18, 5),
            "file: services.web Additional property prots is not allowed. Check the spelling of the key and "
            "how far it is indented.",
        ),
        (
            f"{SCHEMA}(root) Additional property bogus is not allowed",
            (21, 1),
            "is not allowed. Check the spelling of the key and how far it is indented.",
        ),
        (f"{SCHEMA}services.web.ports must be a list", (5, 5), "file: services.web.ports must be a list."),
        (f"{SCHEMA}volumes must be a mapping", (22, 1), "file: volumes must be a mapping."),
        (
            unset("MEDIA") + unset("HTTP_PORT") + "invalid spec: :/media: empty section between colons",
            (9, 9),
            "file: invalid spec: :/media: empty section between colons. It stands there as ${MEDIA}:/media: "
            "set the variable MEDIA in the environment.",
        ),
        (
            unset("HTTP_PORT") + "No port specified: <empty>",
            (6, 9),
            "It stands there as ${HTTP_PORT}: set the variable HTTP_PORT in the environment.",
        ),
        ("Invalid containerPort: http", (7, 9), "file: Invalid containerPort: http."),
        ("Invalid containerPort: x", (6, 9), "file: Invalid containerPort: x."),
        (
            "error while interpolating services.web.environment.[]: "
            "required variable TOKEN is missing a value",
            (15, 9),
            "required variable TOKEN is missing a value. Set TOKEN in the environment.",
        ),
        (
            f"env file {STAGING}/.env not found: stat {STAGING}/.env: no such file or directory",
            (12, 9),
            "file: env file .env not found: stat .env: no such file or directory. The file asks for the env "
            "file .env, but the app's environment is empty. Write the values it needs into the environment, "
            "or remove this env_file.",
        ),
        (
            f"env file {STAGING}/extra.env not found: stat {STAGING}/extra.env: no such file or directory",
            (13, 9),
            "There is no extra.env in the app's folder. Write its values into the environment and use "
            "`env_file: .env`, or remove this env_file.",
        ),
        (
            f"open {STAGING}/base.yml: no such file or directory",
            (20, 21),
            "The panel deploys one Compose file; there is no base.yml in the app's folder.",
        ),
        (
            f'service "web" refers to undefined volume cache{INVALID}',
            (10, 9),
            'file: service "web" refers to undefined volume cache. Define cache under `volumes:`, or correct '
            "the name.",
        ),
        (
            f'service "web" refers to undefined network front{INVALID}',
            (17, 16),
            "Define front under `networks:`, or correct the name.",
        ),
        (
            f'service "web" depends on undefined service "job"{INVALID}',
            (16, 18),
            "Define job under `services:`, or correct the name.",
        ),
        (
            f'service "job" has neither an image nor a build context specified{INVALID}',
            (19, 3),
            "Give it an `image:`.",
        ),
        ("dependency cycle detected: web -> job -> web", (16, 5), "Remove one of these depends_on."),
        (
            "services.deploy.replicas: can't set container_name and web as container name must be unique"
            + INVALID,
            (4, 5),
            "Remove container_name, or run one container of the service.",
        ),
        (
            "decoding failed due to the following error(s):\n\nerror decoding 'services[web].image': odd\n",
            (3, 5),
            "file: decoding failed due to the following error(s): error decoding 'services[web].image': odd.",
        ),
        (
            "invalid interpolation format for services.web.image.\n"
            "You may need to escape any $ with another $.\n${A",
            (3, 5),
            "services.web.image. You may need to escape any $ with another $. ${A.",
        ),
        (
            'yaml: unmarshal errors:\n  line 7: mapping key "image" already defined at line 3',
            (7, 1),
            'errors: line 7: mapping key "image" already defined at line 3.',
        ),
        ("something new", (None, None), "file: something new."),
        ("", (None, None), "file: it gave no reason."),
    ],
)
def test_a_refusal_has_composes_words_its_place_and_what_to_do(stderr, place, end):
    problem = problem_of(stderr, FILE, STAGING)
    assert (problem.line, problem.column) == place
    assert problem.message.startswith("Compose refuses the file: ")
    assert problem.message.endswith(end)
    assert str(STAGING) not in problem.message


def test_a_variable_that_is_set_is_not_blamed():
    problem = problem_of("invalid spec: :/media: empty section between colons", FILE, STAGING)
    assert problem.line == 9
    assert "set the variable" not in problem.message


@pytest.mark.parametrize(
    ("raw", "value", "may"),
    [
        ("$A:/x", "srv:/x", True),
        ("$A:/x", "srv:/y", False),
        ("x$A", "x", True),
        ("ab${A}bc", "abc", False),
        ("$A-$A", "1-1-1", True),
        ("a${A}b${A}c", "a1b1b2c", True),
        ("a${A}b${A}c", "a1c", False),
        ("$$A", "$A", True),
        ("80:$NONE", "80:", True),
        ("80:$NONE", "80:1", False),
        ("$A" * 60 + "!", "a" * 900 + "?", False),
        ("${A}a" * 60 + "!", "a" * 900, False),
        ("plain", "plain", True),
    ],
)
def test_what_a_line_with_variables_can_be(raw: str, value: str, may: bool):
    assert _may_become(raw, value, {"NONE"}) is may


def test_a_log_line_of_an_error_loses_its_frame():
    problem = problem_of('time="x" level=error msg="no \\"such\\" thing"', FILE, STAGING)
    assert problem.message == 'Compose refuses the file: no "such" thing.'


def test_endless_words_are_cut():
    assert len(problem_of("x" * 100_000, FILE, STAGING).message) < 1100


def test_warnings_are_told_once():
    assert warnings_in(unset("A") + unset("A") + "else\n" + unset("B")) == [
        f'The "{name}" variable is not set. Defaulting to a blank string.' for name in "AB"
    ]
    assert unset_variables(warnings_in(unset("A") + unset("B"))) == ["A", "B"]
