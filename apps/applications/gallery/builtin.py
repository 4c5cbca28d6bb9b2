"""The templates that come with the panel. Their Compose files lie in `files/`, by their keys."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.applications.gallery.variables import Kind, Variable

_FILES = Path(__file__).resolve().parent / "files"


@dataclass(frozen=True)
class Template:
    """A starting point for an app: its key, what it is, and what it asks for."""

    key: str
    name: str | Promise
    description: str | Promise
    variables: tuple[Variable, ...]

    @cached_property
    def yaml(self) -> str:
        return (_FILES / f"{self.key}.yml").read_text(encoding="utf-8")


def _port(default: str) -> Variable:
    return Variable("PORT", _("Port"), Kind.PORT, _("Of this machine, where the app is reached."), default)


_LISTEN = Variable(
    "LISTEN",
    _("Who can reach it"),
    Kind.CHOICE,
    _("A reverse proxy on this machine, which adds TLS, needs no more than this machine."),
    "127.0.0.1",
    choices=(("127.0.0.1", _("This machine only")), ("0.0.0.0", _("Everybody who reaches this machine"))),
)
_DB_PASSWORD = Variable("DB_PASSWORD", _("Password of the database"), Kind.SECRET)
_YES_NO = (("true", _("Yes")), ("false", _("No")))
_ADDRESS = r"https?://[A-Za-z0-9.\-\[\]:]+(/[^\s]*)?"

BUILTIN = (
    Template(
        "static-site",
        _("Static site"),
        _("nginx, which serves the pages in a volume."),
        (_LISTEN, _port("8080")),
    ),
    Template(
        "miniflux",
        _("Web app with PostgreSQL: Miniflux"),
        _("A small feed reader and its database; the pattern of most web apps, and a start for your own."),
        (
            _LISTEN,
            _port("8081"),
            Variable(
                "ADMIN_USERNAME", _("Name of the first account"), default="admin", pattern=r"[\w.@-]{1,64}"
            ),
            Variable("ADMIN_PASSWORD", _("Password of the first account"), Kind.SECRET),
            _DB_PASSWORD,
        ),
    ),
    Template(
        "uptime-kuma",
        "Uptime Kuma",
        _("Watches sites and services, and tells when one is down. Its first visitor makes the account."),
        (_LISTEN, _port("3001")),
    ),
    Template(
        "gitea",
        "Gitea",
        _("Git hosting with issues and pull requests, on PostgreSQL."),
        (
            Variable(
                "ROOT_URL",
                _("Address"),
                help=_("Where people reach it, with a slash at its end."),
                default="http://localhost:3000/",
                pattern=_ADDRESS,
            ),
            _LISTEN,
            _port("3000"),
            Variable("CLONE_PORT", _("Port for git over SSH"), Kind.PORT, default="2222"),
            Variable(
                "DISABLE_REGISTRATION",
                _("Only administrators make accounts"),
                Kind.CHOICE,
                _("The first account is made while it is set up."),
                "true",
                choices=_YES_NO,
            ),
            _DB_PASSWORD,
            Variable("SECRET_KEY", _("Key of what it encrypts"), Kind.SECRET),
        ),
    ),
    Template(
        "wordpress",
        "WordPress",
        _("A site that people write in the browser, on MariaDB. Its first visitor makes the account."),
        (_LISTEN, _port("8082"), _DB_PASSWORD),
    ),
    Template(
        "redis",
        "Redis",
        _("A cache with a password, which forgets what was not used for long when it is full."),
        (
            _LISTEN,
            _port("6379"),
            Variable(
                "MAX_MEMORY",
                _("Memory at most"),
                help=_("A number with kb, mb or gb."),
                default="256mb",
                pattern=r"[1-9][0-9]{0,6}(kb|mb|gb)",
            ),
            Variable("REDIS_PASSWORD", _("Password"), Kind.SECRET),
        ),
    ),
    Template(
        "vaultwarden",
        "Vaultwarden",
        _("A password safe for a team. Browsers use it over https alone: put a proxy with TLS before it."),
        (
            Variable(
                "DOMAIN",
                _("Address"),
                help=_("Where people reach it, for example https://safe.example.org"),
                default="https://localhost",
                pattern=_ADDRESS,
            ),
            _LISTEN,
            _port("8083"),
            Variable(
                "SIGNUPS_ALLOWED",
                _("Everybody can make an account"),
                Kind.CHOICE,
                _("Otherwise people are invited on its admin page, /admin, with the token below."),
                "false",
                choices=_YES_NO,
            ),
            Variable("ADMIN_TOKEN", _("Token of its admin page"), Kind.SECRET),
        ),
    ),
    Template(
        "scheduled-job",
        _("Scheduled job"),
        _("A command that runs again and again, and is unhealthy when it has not ended well for too long."),
        (
            Variable("JOB", _("Command"), help=_("A line for sh."), default="date | tee -a /data/runs.txt"),
            Variable(
                "EVERY_SECONDS",
                _("Seconds between two runs"),
                default="3600",
                pattern=r"[1-9][0-9]{0,6}",
            ),
        ),
    ),
)


def builtin(key: str) -> Template | None:
    """Return the template with this key, None where there is none."""
    return next((one for one in BUILTIN if one.key == key), None)
