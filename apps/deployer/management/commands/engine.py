"""`manage.py engine`: what is done to the Docker engine as a whole."""

from argparse import ArgumentParser

from apps.accounts.policy import Permission
from apps.deployer.cli import adopt_actions, engine_actions
from apps.deployer.cli.arguments import positive
from apps.deployer.cli.command import Subcommand, SubcommandsCommand
from apps.deployer.prune.selection import Kind


def _prune(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--preview", action="store_true", help="only show what would go; changes nothing")
    what.add_argument("--yes", action="store_true", help="remove it")
    parser.add_argument(
        "--only",
        default="",
        metavar="KINDS",
        help=f"just these, with commas between: {', '.join(Kind)}",
    )
    parser.add_argument("--detach", action="store_true", help="do not wait: end once it is queued")


def _cancel(parser: ArgumentParser) -> None:
    parser.add_argument("--event", type=positive, metavar="ID", help="this prune")
    parser.add_argument("--detach", action="store_true", help="do not wait until it has ended")


class Command(SubcommandsCommand):
    help = "The Docker engine as a whole."
    subcommands = (
        Subcommand(
            "prune",
            "Remove images, stopped containers, networks and build cache that nothing needs.",
            "prune --preview --only images,networks",
            engine_actions.prune,
            _prune,
            "Never\nvolumes, nor what any container uses, nor the images that a rollback of an app needs.",
            needs=Permission.PRUNE,
            on="panel",
        ),
        Subcommand(
            "projects",
            "List the Compose projects that are not the panel's, and whether they can be adopted.",
            "projects",
            adopt_actions.list_projects,
            details="To take one over: manage.py app adopt PROJECT",
            needs=Permission.ADOPT,
            on="panel",
        ),
        Subcommand(
            "cancel",
            "Cancel a prune that runs or waits.",
            "cancel",
            engine_actions.cancel,
            _cancel,
            needs=Permission.PRUNE,
            on="panel",
        ),
    )
