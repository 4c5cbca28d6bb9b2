"""`manage.py registry`: credentials in, never out."""

import getpass

import pytest

from apps.core.secret import Secret
from apps.deployer.cli import registry_actions
from apps.deployer.registry_login import RegistryRefused
from apps.registries.models import RegistryCredential
from tests.deployer.command_line import Manage, manage

__all__ = ["manage"]

pytestmark = pytest.mark.django_db

HOST = "registry.example.com:5000"


def add(manage: Manage, *words: str, password: bytes = b"s3cret-pw\n", host: str = HOST) -> None:
    assert manage("registry", "add", host, "--username", "alice", *words, stdin=password).code == 0


def stored(host: str = HOST) -> RegistryCredential:
    return RegistryCredential.objects.get(host=host)


def test_add_stores_the_password_of_standard_input_without_its_line_end(manage: Manage) -> None:
    done = manage("registry", "add", HOST, "--username", "alice", stdin=b" s3cret pw \r\n")
    assert (done.code, done.out, done.err) == (0, f"{HOST}: added.\n", "")
    assert stored().password == Secret(" s3cret pw ")
    assert stored().username == "alice"


def test_add_again_changes_the_credential(manage: Manage) -> None:
    add(manage)
    done = manage("registry", "add", HOST.upper(), "--username", "bob", stdin=b"other-pw")
    assert done.out == f"{HOST}: changed.\n"
    assert (stored().username, stored().password.reveal()) == ("bob", "other-pw")


def test_a_new_password_does_not_open_a_credential_to_more_apps(manage: Manage) -> None:
    add(manage, "--only-app", "shop", "--only-app", "blog")
    assert stored().only_apps == "shop blog"
    add(manage)
    assert stored().only_apps == "shop blog"
    add(manage, "--every-app")
    assert stored().only_apps == ""


def test_add_asks_on_a_terminal_without_echo(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "typed-pw"

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(getpass, "getpass", answer)
    monkeypatch.setattr(registry_actions.sys, "stdin", Terminal())
    options = {"host": HOST, "username": "alice", "only_app": None, "every_app": False}
    assert registry_actions._password(options["host"], options["username"]) == "typed-pw"  # type: ignore[arg-type]
    assert asked == [f"Password of alice at {HOST}: "]


@pytest.mark.parametrize(
    ("password", "words"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"one\ntwo\n", "line break"),
        (b"a\0b", "NUL"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 100_000, "more than a password"),
    ],
)
def test_a_password_that_cannot_be_one_is_refused(manage: Manage, password: bytes, words: str) -> None:
    done = manage("registry", "add", HOST, "--username", "alice", stdin=password)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not RegistryCredential.objects.exists()


@pytest.mark.parametrize("host", ["", "a b", "ghcr.io/owner", "user@ghcr.io", "-x:1", "host:99999"])
def test_what_names_no_registry_is_refused(manage: Manage, host: str) -> None:
    done = manage("registry", "add", "--username", "alice", "--", host, stdin=b"pw")
    assert (done.code, done.out) == (2, "")
    assert "no registry host" in done.err


@pytest.mark.parametrize("subcommand", ["remove", "check"])
def test_a_host_without_a_credential_is_refused(manage: Manage, subcommand: str) -> None:
    done = manage("registry", subcommand, "ghcr.io")
    assert (done.code, done.out) == (2, "")
    assert "ghcr.io" in done.err


def test_list_is_newest_first_and_without_passwords(manage: Manage) -> None:
    add(manage, host="ghcr.io")
    add(manage, "--only-app", "shop")
    done = manage("registry", "list")
    assert [line.split()[0] for line in done.out.splitlines()] == ["REGISTRY", HOST, "ghcr.io"]
    listed = manage("registry", "list", "--json")
    assert [record["host"] for record in listed.json] == [HOST, "ghcr.io"]
    assert listed.json[0]["only_apps"] == ["shop"]
    assert "s3cret-pw" not in done.out + done.err + listed.out + listed.err
    assert stored().password.token() not in listed.out


def test_an_empty_list_is_an_empty_json_list(manage: Manage) -> None:
    assert manage("registry", "list", "--json").json == []


def test_remove_deletes_the_credential(manage: Manage) -> None:
    add(manage)
    assert manage("registry", "remove", HOST, "--json").json["host"] == HOST
    assert not RegistryCredential.objects.exists()


def test_check_logs_in_with_what_is_stored(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(registry_actions, "check_login", lambda c: tried.append(c.password.reveal()))
    add(manage)
    done = manage("registry", "check", HOST)
    assert (done.code, done.out) == (0, f"{HOST}: alice may log in.\n")
    assert tried == ["s3cret-pw"]


def test_a_registry_that_refuses_is_a_sentence_and_2(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(credential: RegistryCredential) -> None:
        raise RegistryRefused(f"The sign-in at {credential.host} failed.")

    monkeypatch.setattr(registry_actions, "check_login", refuse)
    add(manage)
    done = manage("registry", "check", HOST)
    assert (done.code, done.out, done.err) == (2, "", f"The sign-in at {HOST} failed.\n")
