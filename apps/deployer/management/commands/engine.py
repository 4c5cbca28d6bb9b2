"""`manage.py engine`: what else is on the engine than the panel's apps."""

from apps.deployer.cli import adopt_actions
from apps.deployer.cli.command import Subcommand, SubcommandsCommand


class Command(SubcommandsCommand):
    help = "See what is on the engine beside the panel's apps."
    subcommands = (
        Subcommand(
            "projects",
            "List the Compose projects that are not the panel's, and whether they can be adopted.",
            "projects",
            adopt_actions.list_projects,
            details="To take one over: manage.py app adopt PROJECT",
        ),
    )
