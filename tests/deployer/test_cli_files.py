"""Files given on the command line, good and bad."""

import io
import sys
from pathlib import Path

import pytest

from apps.applications.content import InvalidContent
from apps.deployer.cli.files import UnreadableFile, problem_lines, read_content
from tests.deployer.command_line import YAML


@pytest.fixture
def compose(tmp_path: Path) -> str:
    path = tmp_path / "compose.yml"
    path.write_text(YAML)
    return str(path)


def give_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_it_reads_both_files(compose: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\r\nB=2\n")
    content = read_content(compose, str(tmp_path / ".env"), kept_environment="OLD=1\n")
    assert (content.yaml, content.environment) == (YAML, "A=1\nB=2\n")


def test_without_an_env_file_the_environment_is_kept(compose: str) -> None:
    assert read_content(compose, None, kept_environment="OLD=1\n").environment == "OLD=1\n"


def test_an_empty_env_file_empties_the_environment(compose: str) -> None:
    assert read_content(compose, "/dev/null", kept_environment="OLD=1\n").environment == ""


def test_a_dash_is_standard_input(compose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, YAML.encode())
    assert read_content("-", None).yaml == YAML
    give_stdin(monkeypatch, b"A=1\n")
    assert read_content(compose, "-").environment == "A=1\n"


def test_standard_input_cannot_be_both() -> None:
    with pytest.raises(UnreadableFile, match="Only one"):
        read_content("-", "-")


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.yml", "No such file"), ("", "Is a directory"), ("a\0b", "null")],
)
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_content(f"{tmp_path}/{name}", None)


def test_an_endless_file_is_refused_and_not_read_to_the_end() -> None:
    with pytest.raises(InvalidContent, match="bytes"):
        read_content("/dev/zero", None)


def test_a_file_that_is_too_large_is_told_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "large.yml"
    path.write_bytes(b"#" * (2 * 1024 * 1024))
    with pytest.raises(InvalidContent, match="2,097,152 bytes"):
        read_content(str(path), None)


def test_a_problem_is_told_with_its_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "compose.yml"
    path.write_text("services:\n  web: [\n")
    with pytest.raises(InvalidContent) as refused:
        read_content(str(path), None)
    (line,) = problem_lines(refused.value.problems, str(path), None)
    assert line.startswith(f"{path}, line ")
    assert ", column " in line


def test_a_problem_of_the_environment_names_the_environment_file(compose: str, tmp_path: Path) -> None:
    env = tmp_path / "shop.env"
    env.write_text("A=1\nB\n")
    with pytest.raises(InvalidContent) as refused:
        read_content(compose, str(env))
    (line,) = problem_lines(refused.value.problems, compose, str(env))
    assert line.startswith(f"{env}, line 2")
