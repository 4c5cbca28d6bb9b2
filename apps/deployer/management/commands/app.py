"""`manage.py app`: everything about apps, for people on the machine and for scripts."""

from argparse import ArgumentParser, ArgumentTypeError

from apps.accounts.policy import Permission
from apps.deployer.cli import (
    adopt_actions,
    app_actions,
    app_drift,
    app_lists,
    app_plan,
    app_retry,
    app_templates,
)
from apps.deployer.cli.arguments import positive
from apps.deployer.cli.command import Subcommand, SubcommandsCommand
from apps.deployer.rollback import SAME_FILE, SAME_IMAGES


def _slug(parser: ArgumentParser) -> None:
    parser.add_argument("slug", metavar="SLUG", help="name of the app")


def _detach(parser: ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="do not wait: end once it is queued")


def _event(parser: ArgumentParser) -> None:
    parser.add_argument("event", type=positive, metavar="EVENT", help="number of the event")


def _only_as_planned(parser: ArgumentParser) -> None:
    parser.add_argument("--plan", action="store_true", help="only say what would be done")
    parser.add_argument("--planned", default="", metavar="FINGERPRINT", help="do just what this plan said")


def _action(parser: ArgumentParser) -> None:
    _slug(parser)
    _detach(parser)


def _services(parser: ArgumentParser) -> None:
    _action(parser)
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services (default: all)")


def _reason(text: str) -> str:
    if not text.strip():
        raise ArgumentTypeError("say why, in a few words")
    return text


def _four_eyes(parser: ArgumentParser) -> None:
    _action(parser)
    _emergency(parser)


def _emergency(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--without-approval",
        type=_reason,
        metavar="REASON",
        help="in an emergency: do not wait for another person where the app is protected; the reason is kept",
    )


def _refuse(parser: ArgumentParser) -> None:
    _event(parser)
    parser.add_argument("--reason", required=True, type=_reason, metavar="R", help="for whoever asked")


def _files(parser: ArgumentParser, environment_help: str) -> None:
    parser.add_argument("--file", required=True, metavar="F", help="Compose file, - for standard input")
    parser.add_argument("--env-file", metavar="E", help=environment_help)


def _deploy(parser: ArgumentParser) -> None:
    _four_eyes(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--file", metavar="F", help="Compose file, - for standard input")
    what.add_argument("--template", metavar="T", help="make the app from a template: manage.py app templates")
    parser.add_argument(
        "--env-file",
        metavar="E",
        help="environment of the app (.env); without it a redeploy keeps the one it has; with --template "
        "what it asks for",
    )
    parser.add_argument(
        "--set", action="append", metavar="NAME=VALUE", help="answer to what the template asks for"
    )
    parser.add_argument("--message", default="", metavar="M", help="note that the version keeps")


def _check(parser: ArgumentParser) -> None:
    _files(parser, "environment to check it with (.env)")


def _plan(parser: ArgumentParser) -> None:
    _slug(parser)
    _files(parser, "environment to plan with (.env); without it the one that the app has")


def _adopt(parser: ArgumentParser) -> None:
    parser.add_argument("project", metavar="PROJECT", help="name of the Compose project")
    parser.add_argument(
        "--as", dest="slug", default="", metavar="SLUG", help="name of the app that it becomes"
    )
    _only_as_planned(parser)
    _detach(parser)


def _retry(parser: ArgumentParser) -> None:
    _event(parser)
    _only_as_planned(parser)
    _emergency(parser)
    _detach(parser)


def _rollback(parser: ArgumentParser) -> None:
    _four_eyes(parser)
    parser.add_argument("--to", type=positive, required=True, metavar="N", help="number of the version")
    parser.add_argument(
        "--images",
        choices=(SAME_IMAGES, SAME_FILE),
        default="",
        help="same: the images that ran, whatever their names mean by now (default where they are "
        "recorded); file: those that the file names",
    )


def _scale(parser: ArgumentParser) -> None:
    _four_eyes(parser)
    parser.add_argument("replicas", nargs="+", metavar="SERVICE=N", help="number of containers of a service")


def _remove(parser: ArgumentParser) -> None:
    _four_eyes(parser)
    parser.add_argument("--volumes", action="store_true", help="delete its volumes with all they hold, too")


def _cancel(parser: ArgumentParser) -> None:
    _action(parser)
    parser.add_argument("--event", type=positive, metavar="ID", help="this event of the app")


def _tag(parser: ArgumentParser) -> None:
    _slug(parser)
    parser.add_argument("change", choices=("add", "remove"), help="what to do with the tags")
    parser.add_argument("tags", nargs="+", metavar="TAG", help="small letters, digits, - _ . :")


def _events(parser: ArgumentParser) -> None:
    _slug(parser)
    parser.add_argument("--limit", type=positive, metavar="N", help="only the newest N")


def _logs(parser: ArgumentParser) -> None:
    _event(parser)
    parser.add_argument("--follow", action="store_true", help="go on until the event has ended")
    parser.add_argument("--timestamps", action="store_true", help="the time before each line")


_FOLLOWS = "Follows the output until it has ended."


class Command(SubcommandsCommand):
    help = "Deploy, change and list apps. Lists are newest first; --json is on every subcommand."
    subcommands = (
        Subcommand(
            "deploy",
            "Deploy a Compose file as an app; makes the app where the name is new.",
            "deploy shop --file docker-compose.yml --env-file shop.env --message 'New checkout'",
            app_actions.deploy,
            _deploy,
            _FOLLOWS,
            needs=Permission.DEPLOY,
        ),
        Subcommand(
            "check",
            "Read and check a Compose file; changes nothing.",
            "check --file docker-compose.yml --json",
            app_lists.check,
            _check,
            needs=Permission.DEPLOY,
            on="any app",
        ),
        Subcommand(
            "plan",
            "Say what a deploy of a Compose file would do to an app; changes nothing.",
            "plan shop --file docker-compose.yml",
            app_plan.plan,
            _plan,
            "The app need not exist yet.",
            needs=Permission.DEPLOY,
        ),
        Subcommand(
            "rollback",
            "Deploy an earlier version of an app.",
            "rollback shop --to 3 --images same",
            app_actions.rollback,
            _rollback,
            f"Volumes are not touched. {_FOLLOWS}",
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "retry",
            "Ask once more for what an event did not bring about: the same content, or the same action.",
            "retry 12 --plan",
            app_retry.retry,
            _retry,
            f"Not for what succeeded, nor for remove, adopt and prune. {_FOLLOWS}",
            needs=Permission.OPERATE,
            on="event",
        ),
        Subcommand(
            "adopt",
            "Take over a Compose project that runs beside the apps; its volumes and their data stay.",
            "adopt blog --as blog --plan",
            adopt_actions.adopt,
            _adopt,
            f"Says before what is recreated and what cannot be kept. {_FOLLOWS}",
            needs=Permission.ADOPT,
            on="panel",
        ),
        Subcommand(
            "stop",
            "Stop the containers of an app, or of some of its services.",
            "stop shop web",
            app_actions.lifecycle,
            _services,
            _FOLLOWS,
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "start",
            "Start the stopped containers of an app, or of some of its services.",
            "start shop web",
            app_actions.lifecycle,
            _services,
            f"What it depends on is started, too. {_FOLLOWS}",
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "restart",
            "Restart the containers of an app, or of some of its services.",
            "restart shop web",
            app_actions.lifecycle,
            _services,
            _FOLLOWS,
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "pull",
            "Pull the images of an app; its containers stay as they are.",
            "pull shop",
            app_actions.lifecycle,
            _action,
            _FOLLOWS,
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "scale",
            "Run another number of containers of a service.",
            "scale shop web=3 worker=0",
            app_actions.scale,
            _scale,
            _FOLLOWS,
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "remove",
            "Take an app down with its network; its versions and events stay.",
            "remove shop --volumes",
            app_actions.remove,
            _remove,
            f"The name can be used again. {_FOLLOWS}",
            needs=Permission.REMOVE,
        ),
        Subcommand(
            "cancel",
            "Cancel what runs for an app, or else what is next in the queue for it.",
            "cancel shop",
            app_actions.cancel,
            _cancel,
            "Waits until it has ended; exits 0 once it is cancelled.",
            needs=Permission.OPERATE,
        ),
        Subcommand(
            "list",
            "List the apps with what they do now.",
            "list",
            app_lists.list_apps,
            needs=Permission.VIEW,
            on="any app",
        ),
        Subcommand(
            "tag",
            "Give an app tags, or take some away; people find apps by them.",
            "tag shop add web team-a",
            app_actions.tag,
            _tag,
            needs=Permission.CONFIGURE,
        ),
        Subcommand(
            "refuse",
            "Refuse an event of a protected app that waits for approval; it ends as cancelled.",
            "refuse 12 --reason 'Not on a Friday'",
            app_actions.refuse,
            _refuse,
            "Approving needs an account: it is done in the panel.",
            needs=Permission.APPROVE,
            on="event",
        ),
        Subcommand(
            "drift",
            "Say in what an app differs from its current version; exits 1 where it does.",
            "drift shop",
            app_drift.drift,
            _slug,
            needs=Permission.VIEW,
        ),
        Subcommand(
            "templates",
            "List the templates for new apps, and what each asks for.",
            "templates",
            app_templates.list_templates,
            needs=Permission.DEPLOY,
            on="panel",
        ),
        Subcommand(
            "versions",
            "List the versions of an app.",
            "versions shop",
            app_lists.list_versions,
            _slug,
            needs=Permission.VIEW,
        ),
        Subcommand(
            "events",
            "List who did what to an app, and how it ended.",
            "events shop --limit 20",
            app_lists.list_events,
            _events,
            needs=Permission.VIEW,
        ),
        Subcommand(
            "logs",
            "Write the output of an event.",
            "logs 12 --timestamps",
            app_lists.show_log,
            _logs,
            needs=Permission.VIEW,
            on="event",
        ),
    )
