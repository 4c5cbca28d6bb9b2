"""The base of commands with subcommands: arguments, refusals and exit codes alike in all of them."""

import sys
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError, ProgrammingError

from apps.accounts.policy import Permission
from apps.core.database import DatabaseUnusable, require_migrated
from apps.core.errors import DomainError
from apps.deployer.cli.acting import On, require
from apps.deployer.cli.output import Output, OutputClosed, write_leniently

SUCCEEDED, FAILED, REFUSED, CANCELLED = 0, 1, 2, 3
# What a shell reports for a program that Ctrl-C ended.
_INTERRUPTED = 130

EXIT_CODES = "Exit codes: 0 succeeded, 1 failed or unstable, 2 refused, 3 cancelled."


@dataclass(frozen=True)
class Subcommand:
    """One subcommand: its name, what it does in a line, an example, its arguments and its function."""

    name: str
    help: str
    example: str
    run: Callable[[dict[str, Any], Output], int]
    arguments: Callable[[ArgumentParser], object] = field(default=lambda parser: None)
    details: str = ""
    # What a token needs to be used for it, and on what; None: no token can.
    needs: Permission | None = None
    on: On = "app"


class SubcommandsCommand(BaseCommand):
    """A management command that only picks one of `subcommands` and tells how it ended.

    What is refused (a DomainError) is told in a sentence on standard error, with exit code 2 like a
    wrong argument.
    """

    subcommands: tuple[Subcommand, ...] = ()
    # They check what serving needs; a command says itself what it misses.
    requires_system_checks: list[str] = []
    suppressed_base_arguments = {
        "--version",
        "-v",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
    }

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=RawDescriptionHelpFormatter,
            usage=f"manage.py {subcommand} SUBCOMMAND ...",
            epilog="Examples:\n"
            + "".join(f"  manage.py {subcommand} {s.example}\n" for s in self.subcommands)
            + f"\n{EXIT_CODES}\nMore about one: manage.py {subcommand} SUBCOMMAND --help",
            **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        name = parser.prog.split()[-1]
        choices = parser.add_subparsers(
            dest="subcommand",
            required=True,
            metavar="SUBCOMMAND",
            title="subcommands",
            prog=f"manage.py {name}",
        )
        for subcommand in self.subcommands:
            own = choices.add_parser(
                subcommand.name,
                help=subcommand.help,
                description=f"{subcommand.help} {subcommand.details}".strip(),
                epilog=f"Example:\n  manage.py {name} {subcommand.example}",
                formatter_class=RawDescriptionHelpFormatter,
            )
            subcommand.arguments(own)
            own.add_argument("--json", action="store_true", help="write JSON to standard output")
            # Django's own options are the outer parser's; people write them at the end.
            own.add_argument("--no-color", action="store_true", default=SUPPRESS, help=SUPPRESS)
            own.add_argument("--traceback", action="store_true", default=SUPPRESS, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        write_leniently()
        output = Output(self.stdout, self.stderr, as_json=options["json"], colour=not options["no_color"])
        chosen = next(s for s in self.subcommands if s.name == options["subcommand"])
        try:
            require(chosen.needs, chosen.on, options)
            code = chosen.run(options, output)
        except DomainError as error:
            self._refuse(output, str(error), options)
        except (OperationalError, ProgrammingError) as error:
            self._refuse(output, _database_sentence(error), options)
        except OutputClosed:
            code = SUCCEEDED
        except KeyboardInterrupt:
            code = _INTERRUPTED
        if code:
            sys.exit(code)

    def _refuse(self, output: Output, sentence: str, options: dict[str, Any]) -> NoReturn:
        """End with exit code 2 and `sentence`; with --traceback also with where it came from."""
        if options["traceback"]:
            raise CommandError(sentence, returncode=REFUSED)
        for line in sentence.splitlines():
            output.say(line, style="red")
        sys.exit(REFUSED)


def _database_sentence(error: DatabaseError) -> str:
    """Return why the panel's database cannot be used, and what to do."""
    try:
        require_migrated()
    except DatabaseUnusable as unusable:
        return str(unusable)
    return str(DatabaseUnusable.of(error))
