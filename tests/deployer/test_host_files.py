"""Files that labels name: read only where they are what they should be, and never quoted."""

import os
from pathlib import Path

import pytest

from apps.deployer.adopt.host_files import FileRefused, read_compose_file, read_host_file

COMPOSE = "services: {web: {image: x}}\n"


def refusal(path: object) -> str:
    with pytest.raises(FileRefused) as caught:
        read_compose_file(str(path))
    return str(caught.value)


def test_a_compose_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    assert read_compose_file(str(tmp_path / "compose.yml")) == COMPOSE


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("-", "standard input"),
        ("compose.yml", "no absolute path"),
        ("", "no absolute path"),
        ("/etc/../etc/shadow", "no absolute path"),
        ("/srv/a\0b", "no absolute path"),
        ("/no/such/file", "No such file"),
        ("/etc", "regular file"),
        ("/dev/zero", "no regular file"),
        ("/dev/null", "no regular file"),
        ("/proc/self/environ", "does not read as a Compose file"),
        ("/etc/shadow", "/etc/shadow"),
        ("/" + "x" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_refused(label: str, words: str) -> None:
    assert words in refusal(label)


def test_nothing_of_another_file_is_quoted(tmp_path: Path) -> None:
    for number, text in enumerate(
        ["root:$6$hash:19000:0::\n", "a: 1\na: 2\n", "x: *hidden\n", "\tTOKEN=abc\n", "services: {a: [\n"]
    ):
        path = tmp_path / f"{number}"
        path.write_text(text)
        assert refusal(path) == f"{path} does not read as a Compose file, so it is not shown."


def test_links_fifos_and_large_or_binary_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text(COMPOSE)
    (tmp_path / "link.yml").symlink_to(tmp_path / "real.yml")
    os.mkfifo(tmp_path / "fifo.yml")
    (tmp_path / "large.yml").write_text(COMPOSE + "#" * 1024 * 1024)
    (tmp_path / "binary.yml").write_bytes(b"services:\0\xff")
    assert "symbolic link" in refusal(tmp_path / "link.yml")
    assert "no regular file" in refusal(tmp_path / "fifo.yml")
    assert "larger than 1,048,576 bytes" in refusal(tmp_path / "large.yml")
    assert "does not read" in refusal(tmp_path / "binary.yml")


def test_a_limit_is_of_what_is_read_and_not_of_what_the_file_says_it_has() -> None:
    with pytest.raises(FileRefused, match="larger than 10 bytes"):
        read_host_file("/proc/self/status", 10)
