"""Reading of the panel's settings from the environment, each refusal naming its variable."""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from apps.core.key_file import KeyFile, split_keys

env = environ.Env()


def directory(name: str, default: Path) -> Path:
    """Return the absolute directory that variable `name` holds, made (0700) where it is missing.

    Raises ImproperlyConfigured where it is no directory or cannot be made.
    """
    path = Path(os.environ.get(name) or default).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: {path} cannot be used: {error.strerror}.") from None
    return path


def whole_number(name: str, default: int, *, least: int, most: int) -> int:
    """Return the integer that variable `name` holds, from `least` to `most`.

    Raises ImproperlyConfigured where it is something else.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name}: a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def one_of(name: str, words: Sequence[str]) -> str:
    """Return which of `words` variable `name` holds; the first where it holds none.

    Raises ImproperlyConfigured where it is another one.
    """
    text = os.environ.get(name, "").strip() or words[0]
    if text not in words:
        raise ImproperlyConfigured(f"{name}: one of {', '.join(words)}, not {text!r}.")
    return text


def issuer(name: str) -> str:
    """Return the address of an OpenID Connect issuer that variable `name` holds, "" where it is not set.

    Raises ImproperlyConfigured where it is none, or where others on the way could read along.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return ""
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )
    if not safe or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ImproperlyConfigured(f"{name}: an address like https://accounts.example.org, not {text!r}.")
    return text


def needed_with(other: str, name: str) -> str:
    """Return what variable `name` holds. Raises ImproperlyConfigured where only `other` is set."""
    text = os.environ.get(name, "").strip()
    if os.environ.get(other, "").strip() and not text:
        raise ImproperlyConfigured(f"{name} is not set, but {other} is.")
    return text


def group_roles(name: str) -> dict[str, str]:
    """Return the role of each group that variable `name` holds: "admins=administrator, devs=deployer".

    Raises ImproperlyConfigured where one is no role.
    """
    roles = ("viewer", "operator", "deployer", "owner", "administrator")
    found = {}
    for part in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
        group, equals, role = (word.strip() for word in part.rpartition("="))
        if not equals or not group or role not in roles:
            raise ImproperlyConfigured(f"{name}: GROUP=ROLE with a role of {', '.join(roles)}, not {part!r}.")
        found[group] = role
    return found


def flag(name: str) -> bool:
    """Return whether variable `name` says yes (1, true, yes, on); empty, 0, false, no and off say no.

    Raises ImproperlyConfigured where it says something else.
    """
    text = os.environ.get(name, "").strip().lower()
    if text not in ("", "0", "false", "no", "off", "1", "true", "yes", "on"):
        raise ImproperlyConfigured(f"{name}: 1 or 0, not {text!r}.")
    return text in ("1", "true", "yes", "on")


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Return the addresses and networks that variable `name` holds, with commas or spaces between.

    Raises ImproperlyConfigured where one is neither, as names of hosts are not.
    """
    found = []
    for text in re.split(r"[\s,]+", os.environ.get(name, "").strip()):
        if not text:
            continue
        try:
            found.append(ip_network(text))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name}: addresses and networks like 127.0.0.1, 10.0.0.0/8 or fd00::/8, not {text!r}."
            ) from None
    return found


def secret_text(name: str) -> str:
    """Return what variable `name` holds, or the content of the file that `name`_FILE names; else "".

    Raises ImproperlyConfigured where both are set or the file cannot be read.
    """
    value, file = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and file:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; keep one of them.")
    if not file:
        return value.strip()
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE: {file} cannot be read: {error}.") from None


def secret_key(name: str, data_dir: Path) -> str:
    """Return Django's secret key: given, or made once in the data folder."""
    return secret_text(name) or _made_once(data_dir / "secret_key", secrets.token_urlsafe(50))


def encryption_keys(name: str, data_dir: Path) -> Sequence[str]:
    """Return the Fernet keys, the first of which encrypts: given (space or comma between), or made once.

    Those of a file follow the file. Raises ImproperlyConfigured where one is no Fernet key; it is not
    repeated in the message.
    """
    given, file = secret_text(name), os.environ.get(f"{name}_FILE", "")
    path = Path(file) if file else data_dir / "encryption_keys"
    try:
        if given and not file:
            return split_keys(given)
        if not file:
            _made_once(path, Fernet.generate_key().decode())
        return KeyFile(path.absolute())
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def bind_address(name: str, default: str) -> tuple[str, int]:
    """Return (host, port) of an address like 127.0.0.1:8000 or [::1]:8000.

    Raises ImproperlyConfigured where variable `name` holds something else.
    """
    text = os.environ.get(name, "").strip() or default
    match = re.fullmatch(r"(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>\d{1,5})", text)
    if not match or int(match["port"]) > 65535:
        raise ImproperlyConfigured(f"{name}: an address and port like 127.0.0.1:8000, not {text!r}.")
    return match["six"] or match["host"], int(match["port"])


def _made_once(path: Path, fresh: str) -> str:
    """Return the content of `path`; where it is missing it is made with `fresh`, 0600, one winner."""
    try:
        # Linked into place complete, so that two first starts at once agree on one key.
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        if not path.exists():
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(fresh + "\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} cannot be used as a key file: {error}.") from None
