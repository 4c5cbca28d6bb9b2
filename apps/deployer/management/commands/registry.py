"""`manage.py registry`: the credentials of private registries."""

from argparse import ArgumentParser

from apps.deployer.cli import registry_actions
from apps.deployer.cli.command import Subcommand, SubcommandsCommand


def _host(parser: ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", help="docker.io, ghcr.io, registry.example.com:5000 ...")


def _add(parser: ArgumentParser) -> None:
    _host(parser)
    parser.add_argument("--username", required=True, metavar="U", help="user name at the registry")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--only-app", action="append", metavar="SLUG", help="an app that may use it; give it once for each"
    )
    where.add_argument(
        "--every-app", action="store_true", help="every app may use it: so it is where nothing else was said"
    )


class Command(SubcommandsCommand):
    help = "Credentials of private registries. Passwords are stored encrypted and never shown."
    subcommands = (
        Subcommand(
            "add",
            "Store a user name and password for a registry, or change them.",
            "add ghcr.io --username alice < token.txt",
            registry_actions.add,
            _add,
            "The password is read from standard\ninput, or asked for on a terminal.",
        ),
        Subcommand(
            "check",
            "Log in to a registry with what is stored.",
            "check ghcr.io",
            registry_actions.check,
            _host,
        ),
        Subcommand("list", "List the registries that have a credential.", "list", registry_actions.list_all),
        Subcommand(
            "remove", "Delete the credential of a registry.", "remove ghcr.io", registry_actions.remove, _host
        ),
    )
