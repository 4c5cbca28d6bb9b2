import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.applications.compose_file import check_compose, find_scalar, locate

SHOP = """\
x-common: &common
  restart: always
services:
  my.app:
    <<: *common
    image: nginx
    ports:
      - "80:80"
      - target: 81
    volumes: ["${DATA}:/data", "cache:/cache"]
  db:
    image: postgres
    volumes:
      - data:/var/lib
volumes:
  data: !reset {}
"""


def only_problem(text: str) -> tuple[int | None, int | None, str]:
    (problem,) = check_compose(text)
    return problem.line, problem.column, problem.message


def test_a_real_file_has_no_problem():
    assert check_compose(SHOP) == []


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~"])
def test_an_empty_file_is_refused(text):
    assert only_problem(text)[2] == "The Compose file is empty. Write at least one service."


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("- a\n", 1, 1, "The file is a list"),
        ("\njust text\n", 2, 1, "The file is a single value"),
        ("name: x\n", 1, 1, "has no `services:`"),
        ("name: x\nservices:\n", 2, 1, "`services` is empty"),
        ("services: {}\n", 1, 1, "`services` is empty"),
        ("services: [web]\n", 1, 11, "`services` is not a mapping"),
        ("services: web\n", 1, 11, "`services` is not a mapping"),
        ("services:\n\tweb:\n", 2, 1, "a TAB cannot stand here. YAML is indented with spaces"),
        ("services:\n  web:\n    image: @x\n", 3, 12, "@ cannot stand here. Put quotes"),
        ("services:\n  web: a: b\n", 2, 9, "Check the indentation"),
        ("services:\n  web:\n    image: 'x\n", 4, 1, "a quoted scalar that begins at line 3"),
        ("services:\n  web: [a\n  db: b\n", 3, 5, "This is not valid YAML"),
        ("services:\n  web: {image: x}\n---\nservices: {}\n", 3, 1, "A second YAML document"),
        (
            "services:\n  web:\n    image: x\n    image: y\n",
            4,
            5,
            "The key 'image' is already there, at line 3",
        ),
        ("services:\n  web: *x\n", 2, 8, "The alias *x has no anchor &x above it"),
        ("a: &a\n  b: *a\n", 2, 6, "stands inside its own anchor"),
        ("services:\n  web: \x01\n", 2, 8, "U+0001 is not allowed"),
    ],
)
def test_it_refuses_with_line_and_column(text, line, column, words):
    found = only_problem(text)
    assert found[:2] == (line, column)
    assert words in found[2]


def test_include_may_stand_without_services():
    assert check_compose("include:\n  - other.yml\n") == []
    assert check_compose("include: [other.yml]\nservices:\n") == []


def test_a_later_anchor_of_the_same_name_wins_as_in_compose():
    assert check_compose("x-a: &a {image: x}\nx-b: &a {image: y}\nservices:\n  web: *a\n") == []


def billion_laughs() -> str:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "bomb",
    [
        billion_laughs(),
        "a: &a " + "x" * 500_000 + "\nb: [" + "*a, " * 100_000 + "]\n",
        "a: &a [" + "x," * 100_000 + "]\nb: [" + "*a, " * 100_000 + "]\n",
        "n0: &n0 {a: 1}\n" + "".join(f"n{n}: &n{n} {{a: *n{n - 1}, b: *n{n - 1}}}\n" for n in range(1, 64)),
    ],
    ids=["billion laughs", "quadratic text", "quadratic nodes", "doubling"],
)
def test_alias_bombs_are_refused_at_once(bomb):
    started = time.thread_time()
    assert "aliases make more than 4,194,304 characters" in only_problem(bomb)[2]
    assert time.thread_time() - started < 5


def test_aliases_in_measure_are_fine():
    text = "x-env: &env {" + ", ".join(f"NAME_{n}: value" for n in range(200)) + "}\nservices:\n"
    text += "".join(f"  s{n}:\n    image: x\n    environment: *env\n" for n in range(200))
    assert check_compose(text) == []


@pytest.mark.parametrize(
    "text",
    ["[" * 500_000, "{a: " * 250_000, "- " * 500_000, "? " * 500_000, "[{" * 250_000, "&a [" * 250_000],
)
def test_deep_nesting_is_refused_at_once(text):
    started = time.thread_time()
    assert "nested deeper than 100 levels" in only_problem(text)[2]
    assert time.thread_time() - started < 5


def test_ninety_levels_are_fine():
    assert check_compose("services: {web: {x: " + "[" * 90 + "]" * 90 + "}}") == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("services.db.image", (12, 5)),
        ("services.my.app.ports.1", (9, 9)),
        ("services.my.app.ports[1].target", (9, 9)),
        ("services[db].volumes", (13, 5)),
        ("services.db.volumes.[]", (13, 5)),
        ("services.db.volumes.7.x", (13, 5)),
        ("services.db.nothing", (11, 3)),
        ("volumes.data", (16, 3)),
        ("nothing.at.all", None),
        ("", None),
    ],
)
def test_locate_finds_the_deepest_value_of_a_path(path, place):
    assert locate(SHOP, path) == place


def test_locate_in_what_is_no_yaml_finds_nothing():
    assert locate("a: [", "a") is None


@given(st.text())
def test_locate_takes_any_path(path):
    locate(SHOP, path)


def test_find_scalar_looks_in_the_order_of_the_file():
    assert find_scalar(SHOP, "services.*.volumes", lambda value: ":" in value) == (10, 15, "${DATA}:/data")
    assert find_scalar(SHOP, "services.db", lambda value: value.startswith("data")) == (
        14,
        9,
        "data:/var/lib",
    )
    assert find_scalar(SHOP, "", lambda value: value == "volumes") == (10, 5, "volumes")
    assert find_scalar(SHOP, "services.*.volumes", lambda value: value == "nginx") is None
