"""What is said of the files of an app on disk, whatever somebody has put in their place."""

import os
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.applications.content import Content
from apps.deployer import pins
from apps.deployer.app_folder import AppFolder
from apps.deployer.pins import Pin
from apps.deployer.state.app_files import edited_files, read, signature

YAML = "services:\n  web:\n    image: web:1\n"
CONTENT = Content.read(YAML, "# why\nTOKEN=s3cret-$x\nMODE='a b'\n")
DIGEST = "registry.example.com/web@sha256:" + "1" * 64


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The folder of the app shop, as the panel wrote CONTENT into it."""
    settings.SIMPLEDEPLOY_APPS_DIR = tmp_path
    AppFolder("shop").write(CONTENT)
    AppFolder("shop").keep()
    return tmp_path / "shop"


def said(folder: Path, content: Content | None = CONTENT, pinned: dict[str, str] | None = None) -> list[str]:
    return [f"{one.name} {one.words}" for one in edited_files(folder, content, YAML, pinned or {})]


def test_what_the_panel_wrote_is_not_edited(folder: Path) -> None:
    assert said(folder) == []

    AppFolder("shop").write(Content.read(YAML))

    assert said(folder, Content.read(YAML)) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (YAML.replace(":1", ":2").encode(), "was edited by hand"),
        (YAML.replace("\n", "\r\n").encode(), "was edited by hand"),
        (b"", "was edited by hand"),
        (b"\xff\xfe", "was edited by hand"),
        (b"x" * (1024 * 1024 + 1), "is larger than 1,048,576 bytes"),
        (None, "is gone"),
    ],
)
def test_an_edited_compose_file_is_told(folder: Path, data: bytes | None, words: str) -> None:
    file = folder / "docker-compose.yml"
    if data is None:
        file.unlink()
    else:
        file.write_bytes(data)

    assert said(folder) == [f"docker-compose.yml {words}"]


def test_a_link_a_folder_and_a_pipe_are_not_read(folder: Path) -> None:
    file = folder / "docker-compose.yml"
    file.rename(folder / "elsewhere")
    file.symlink_to(folder / "elsewhere")
    assert said(folder) == ["docker-compose.yml is a symbolic link, which is not followed"]

    file.unlink()
    file.mkdir()
    assert said(folder) == ["docker-compose.yml is no regular file"]

    file.rmdir()
    os.mkfifo(file)
    assert said(folder) == ["docker-compose.yml is no regular file"]


def test_the_environment_is_told_by_names_only(folder: Path) -> None:
    (folder / ".env").write_text("TOKEN=other-s3cret\nNEW=1\n")

    assert said(folder) == [".env was edited by hand (NEW added; MODE removed; TOKEN changed)"]


def test_an_environment_that_comes_or_goes_is_told(folder: Path) -> None:
    assert said(folder, Content.read(YAML)) == [".env was put there by hand"]

    (folder / ".env").unlink()

    assert said(folder) == [".env is gone"]
    assert said(folder, content=None) == []  # its key is gone, so nobody knows what should be in it


def test_an_environment_that_is_no_text_shows_nothing_of_it(folder: Path) -> None:
    (folder / ".env").write_bytes(b"TOKEN=\xff")
    assert said(folder) == [".env is not UTF-8 text"]

    (folder / ".env").write_text("TOKEN='a\nc2VjcmV0='b\nc2VjcmV0=\nno name\n")
    assert said(folder) == [".env was edited by hand"]

    (folder / ".env").write_bytes(b"TOKEN=a\0b")
    assert said(folder) == [".env holds a NUL byte"]


def test_the_override_of_a_rollback_belongs_there_and_a_strange_one_does_not(folder: Path) -> None:
    chosen = {"web": Pin(DIGEST, is_here=True), "$job": Pin("sha256:" + "2" * 64, is_here=False)}
    pinned = {service: pin.reference for service, pin in chosen.items()}
    AppFolder("shop").write(CONTENT, pins.override(chosen))
    AppFolder("shop").keep()

    assert said(folder, pinned=pinned) == []
    assert said(folder) == ["docker-compose.images.yml was put there by hand"]
    assert said(folder, pinned=pinned | {"web": "other"}) == ["docker-compose.images.yml was edited by hand"]

    (folder / "docker-compose.images.yml").write_text("services: [")
    assert said(folder, pinned=pinned) == ["docker-compose.images.yml was edited by hand"]
    (folder / "docker-compose.images.yml").unlink()
    assert said(folder, pinned=pinned) == ["docker-compose.images.yml is gone"]


def test_a_signature_is_another_one_after_each_kind_of_change(folder: Path) -> None:
    file = folder / "docker-compose.yml"
    times = file.stat()
    seen = {signature(folder)}

    file.write_text(YAML.replace(":1", ":2"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    seen.add(signature(folder))
    AppFolder("shop").write(CONTENT)
    seen.add(signature(folder))
    (folder / ".env").unlink()
    seen.add(signature(folder))

    assert len(seen) == 4
    assert signature(folder) in seen
    assert read(folder / "nowhere", ".env").is_gone
