"""The files that the panel wrote for an app, as they lie on disk now: whether somebody edited them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from apps.applications import environment
from apps.applications.content import MAX_ENVIRONMENT_BYTES, MAX_YAML_BYTES, Content
from apps.core.regular_file import Gone, NotRead, read_regular
from apps.core.sentences import names_told, sentence
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE, IMAGES_FILE

_FILES = (COMPOSE_FILE, ENV_FILE, IMAGES_FILE)
# What the panel writes may be longer than what was typed: `environment.render` escapes it.
_LIMITS = {COMPOSE_FILE: MAX_YAML_BYTES, ENV_FILE: 4 * MAX_ENVIRONMENT_BYTES, IMAGES_FILE: MAX_YAML_BYTES}

Signature = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class DiskFile:
    """One file: its bytes, or in the rest of a sentence why there are none, or neither where it is gone."""

    data: bytes | None = field(default=None, repr=False)
    problem: str = ""

    @property
    def is_gone(self) -> bool:
        return self.data is None and not self.problem

    def text(self) -> tuple[str, str]:
        """Return the text, or an empty one and why it is none, as the rest of a sentence."""
        if self.data is None:
            return "", self.problem or sentence("is gone")
        try:
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return "", sentence("is not UTF-8 text")
        return ("", sentence("holds a NUL byte")) if "\0" in text else (text.replace("\r\n", "\n"), "")


@dataclass(frozen=True)
class EditedFile:
    """A file that is not as the panel wrote it; `words` say how, as the rest of a sentence."""

    name: str
    words: str


def signature(folder: Path) -> Signature:
    """Return what is another one after any of the app's files was written, replaced or removed."""
    return tuple(_stat(folder / name) for name in _FILES)


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError as error:
        return (error.errno or 0,)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode


def read(folder: Path, name: str) -> DiskFile:
    """Return the app's file `name`; a link, a device or one that is too large is not read."""
    try:
        return DiskFile(read_regular(folder / name, _LIMITS[name]))
    except Gone:
        return DiskFile()
    except NotRead as error:
        return DiskFile(problem=error.reason)


def edited_files(
    folder: Path, content: Content | None, yaml_text: str, pins: Mapping[str, str]
) -> list[EditedFile]:
    """Return which files of `folder` are not as the panel wrote them for the current version.

    `content` is that version, None where its environment cannot be decrypted: its `.env` is not judged
    then. `yaml_text` is its Compose file. `pins` are the images that services are held to, by service.
    """
    found = [_edited(COMPOSE_FILE, read(folder, COMPOSE_FILE), yaml_text.encode())]
    if content is not None:
        wanted = rendered(content)
        found.append(_edited(ENV_FILE, read(folder, ENV_FILE), wanted.encode() if wanted else None))
    found.append(_edited_pins(read(folder, IMAGES_FILE), pins))
    return [one for one in found if one is not None]


def rendered(content: Content) -> str:
    """Return the `.env` that the panel writes for `content`; empty where it writes none."""
    return environment.render(environment.values(content.environment)) if content.environment else ""


def _edited(name: str, file: DiskFile, wanted: bytes | None) -> EditedFile | None:
    if file.data == wanted and not file.problem:
        return None
    if file.problem:
        return EditedFile(name, file.problem)
    if file.is_gone:
        return EditedFile(name, sentence("is gone"))
    if wanted is None:
        return EditedFile(name, sentence("was put there by hand"))
    if name == ENV_FILE:
        return EditedFile(name, _names_edited(file, wanted.decode()))
    return EditedFile(name, sentence("was edited by hand"))


def _names_edited(file: DiskFile, wanted: str) -> str:
    """Say by names what differs in an environment; values are compared as they are written."""
    text, problem = file.text()
    if problem:
        return problem
    if environment.parse(text).problems:
        # What stands before an equals sign may be part of a value there.
        return sentence("was edited by hand")
    before, after = written_values(wanted), written_values(text)
    added = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    changed = [name for name in after if name in before and after[name] != before[name]]
    told = names_told(added, removed, changed)
    return sentence("was edited by hand (%(how)s)", how=told) if told else sentence("was edited by hand")


def written_values(text: str) -> dict[str, str]:
    """Return {name: value} of a `.env` as the panel itself reads it.

    Compose reads some values otherwise; two texts that are read alike here are told apart all the same.
    """
    return {one.name: one.value for one in environment.parse(text).assignments}


def _edited_pins(file: DiskFile, pins: Mapping[str, str]) -> EditedFile | None:
    if file.problem:
        return EditedFile(IMAGES_FILE, file.problem)
    if file.is_gone:
        return EditedFile(IMAGES_FILE, sentence("is gone")) if pins else None
    if not pins:
        return EditedFile(IMAGES_FILE, sentence("was put there by hand"))
    return None if _pinned(file) == dict(pins) else EditedFile(IMAGES_FILE, sentence("was edited by hand"))


def _pinned(file: DiskFile) -> dict[str, str] | None:
    """Return {service: image} of an override that the panel wrote, None where it is another kind of file."""
    text, _problem = file.text()
    try:
        services = yaml.load(text, Loader=_Loader)["services"]
        return {
            name: keys["image"].replace("$$", "$")
            for name, keys in services.items()
            if keys.keys() <= {"image", "build", "pull_policy"}
        }
    except (yaml.YAMLError, LookupError, TypeError, AttributeError):
        return None


class _Loader(yaml.SafeLoader):
    """Reads plain data, and the value by which an override takes a key away."""


_Loader.add_constructor("!reset", lambda _loader, _node: None)
