import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.applications.content import Content, InvalidContent, Problem

YAML = "services:\n  web:\n    image: nginx\n"


def refusal(yaml: str | bytes, environment: str | bytes = "") -> InvalidContent:
    with pytest.raises(InvalidContent) as caught:
        Content.read(yaml, environment)
    return caught.value


def test_it_reads_text_and_bytes_alike():
    assert Content.read(YAML.encode(), b"A=1\n") == Content.read(YAML, "A=1\n")


def test_line_ends_become_newlines():
    content = Content.read(YAML.replace("\n", "\r\n"), "A=1\rB=2\r\n")
    assert content == Content(YAML, "A=1\nB=2\n")


def test_a_byte_order_mark_is_dropped():
    assert Content.read(b"\xef\xbb\xbf" + YAML.encode(), "\ufeffA=1") == Content(YAML, "A=1")


def test_the_digest_is_of_the_file_alone_without_an_environment():
    assert Content(YAML).sha256 == hashlib.sha256(YAML.encode()).hexdigest()


def test_the_digest_covers_the_environment():
    assert Content(YAML, "A=1").sha256 == hashlib.sha256(YAML.encode() + b"\0A=1").hexdigest()


def test_the_environment_is_not_in_its_repr():
    assert "hunter2hunter2" not in repr(Content(YAML, "A=hunter2hunter2"))


def test_a_file_of_one_mebibyte_is_allowed_and_a_byte_more_is_not():
    at_limit = YAML + "#" * (1024 * 1024 - len(YAML))
    assert Content.read(at_limit).yaml == at_limit
    assert "1,048,577 bytes; at most 1,048,576" in str(refusal(at_limit + "#"))


def test_bytes_are_counted_not_characters():
    assert "at most 1,048,576" in str(refusal(YAML + "#" + "ü" * 600_000))


def test_an_environment_over_256_kib_is_refused():
    problem = refusal(YAML, "#" * (256 * 1024 + 1)).problems[0]
    assert (problem.source, problem.line) == ("environment", None)
    assert "262,145 bytes" in problem.message


def test_a_nul_byte_is_refused_with_its_line():
    error = refusal("services:\r\n  web: {image: 'a\0b'}\n")
    assert str(error).startswith("Compose file, line 2: The Compose file holds a NUL byte.")


def test_what_is_not_utf8_is_refused_with_its_line():
    error = refusal(YAML, b"A=1\nB=\xfcber\n")
    assert str(error).startswith("Environment, line 2: The environment is not UTF-8 text.")


def test_half_a_surrogate_pair_is_refused():
    assert "half a surrogate pair" in str(refusal("services:\n  web: \ud800\n"))


def test_problems_of_both_texts_are_told_at_once():
    problems = refusal("- a\n", "1A=x\nB\n").problems
    assert [(problem.source, problem.line) for problem in problems] == [
        ("compose", 1),
        ("environment", 1),
        ("environment", 2),
    ]


def test_of_endless_problems_the_first_are_told():
    problems = refusal(YAML, "B\n" * 100_000).problems
    assert [problem.line for problem in problems] == [*range(1, 21), None]
    assert problems[-1].message == "There are 99980 more problems like these."


def test_a_problem_is_json():
    assert refusal(YAML, "B\n").problems[0].as_dict() == {
        "line": 1,
        "column": 1,
        "message": "There is no value here. Write B=value, or begin the line with # to make it a comment.",
        "source": "environment",
    }


texts = st.one_of(
    st.text(),
    st.text(alphabet=st.sampled_from("services: web{}[]&a*a<<!|>'\"\t\n\r#-?,%@`~\0\x85\ufeff"), max_size=60),
)


@given(yaml=texts, environment=texts)
@example(yaml="&a [*a]", environment="")
@example(yaml="%TAG ! x\n--- !<", environment="export =\n")
@example(yaml="\ufeff\ufeff", environment="\ufeff\ufeff")
def test_no_text_raises_anything_else_than_invalid_content(yaml, environment):
    content, problems = attempt(yaml, environment)
    assert (content is None) == bool(problems)
    assert all(problem.message.endswith((".", "?")) for problem in problems)
    if content is not None:
        assert Content.read(content.yaml, content.environment) == content


@given(yaml=st.binary(), environment=st.binary())
@example(yaml=b"\xff\xfea\0", environment=b"A='\\")
def test_no_bytes_raise_anything_else_than_invalid_content(yaml, environment):
    content, problems = attempt(yaml, environment)
    assert (content is None) == bool(problems)


def attempt(yaml: str | bytes, environment: str | bytes) -> tuple[Content | None, list[Problem]]:
    try:
        return Content.read(yaml, environment), []
    except InvalidContent as error:
        return None, error.problems
