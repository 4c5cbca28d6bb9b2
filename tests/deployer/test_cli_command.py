"""What all subcommands share: help, wrong arguments, refusals and exit codes."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from django.core.management import load_command_class
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from apps.core.errors import DomainError
from apps.deployer.cli.command import SubcommandsCommand
from tests.deployer.command_line import Manage, manage

__all__ = ["manage"]

COMMANDS = ["app", "registry"]


def load(name: str) -> SubcommandsCommand:
    command = load_command_class("apps.deployer", name)
    assert isinstance(command, SubcommandsCommand)
    return command


@pytest.fixture
def fail_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Let every subcommand of `registry` raise an error."""

    def fail_with(error: BaseException) -> None:
        def act(*_: Any) -> NoReturn:
            raise error

        command = type(load("registry"))
        failing = tuple(replace(subcommand, run=act) for subcommand in command.subcommands)
        monkeypatch.setattr(command, "subcommands", failing)

    return fail_with


FailWith = Callable[[BaseException], None]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_a_line_and_an_example_for_each_subcommand(name: str) -> None:
    command = load(name)
    text = command.create_parser("manage.py", name).format_help()
    for subcommand in command.subcommands:
        assert f"manage.py {name} {subcommand.name}" in text
        assert subcommand.help.split()[0] in text
    assert "--settings" not in text
    assert "--pythonpath" not in text
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_one_that_the_parser_takes(name: str) -> None:
    command = load(name)
    for subcommand in command.subcommands:
        words = shlex.split(subcommand.example.partition(" <")[0])
        parsed = command.create_parser("manage.py", name).parse_args(words)
        assert parsed.subcommand == subcommand.name


@pytest.mark.parametrize(
    "words",
    [
        ["app"],
        ["app", "explode"],
        ["app", "deploy"],
        ["app", "deploy", "shop"],
        ["app", "deploy", "shop", "--file"],
        ["app", "rollback", "shop"],
        ["app", "rollback", "shop", "--to", "one"],
        ["app", "rollback", "shop", "--to", "0"],
        ["app", "rollback", "shop", "--to", "-1"],
        ["app", "rollback", "shop", "--to", "9" * 30],
        ["app", "logs", "first"],
        ["app", "scale", "shop"],
        ["app", "events", "shop", "--limit", "0"],
        ["registry"],
        ["registry", "add", "ghcr.io"],
        ["registry", "add", "ghcr.io", "--username", "u", "--only-app", "a", "--every-app"],
    ],
)
def test_wrong_arguments_exit_with_2_and_say_which(manage: Manage, words: list[str]) -> None:
    done = manage(*words)
    assert done.code == 2
    assert done.out == ""
    assert "error:" in done.err
    assert "Traceback" not in done.err


def test_a_refusal_is_its_sentence_on_standard_error_and_2(manage: Manage, fail_with: FailWith) -> None:
    fail_with(DomainError("It is full. Make room."))
    done = manage("registry", "list")
    assert (done.code, done.out, done.err) == (2, "", "It is full. Make room.\n")


@pytest.mark.django_db
def test_a_database_that_refuses_is_a_sentence_and_2(manage: Manage, fail_with: FailWith) -> None:
    fail_with(OperationalError("database or disk is full"))
    done = manage("registry", "list")
    assert (done.code, done.out) == (2, "")
    assert done.err == "The panel's database cannot be used: database or disk is full. Nothing was changed.\n"


@pytest.mark.django_db
def test_a_database_without_its_tables_says_to_migrate(
    manage: Manage, fail_with: FailWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: ["0001_initial"])
    fail_with(OperationalError("no such table: registry_credentials"))
    done = manage("registry", "list")
    assert done.code == 2
    assert "manage.py migrate" in done.err


def test_an_unexpected_error_is_not_dressed_up_as_a_refusal(manage: Manage, fail_with: FailWith) -> None:
    fail_with(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        manage("registry", "list")


def test_ctrl_c_ends_a_reading_command_quietly(manage: Manage, fail_with: FailWith) -> None:
    fail_with(KeyboardInterrupt())
    done = manage("registry", "list")
    assert (done.code, done.out, done.err) == (130, "", "")
