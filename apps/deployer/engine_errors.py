"""What is wrong with Docker on this machine, rather than with anybody's content."""

from django.utils.translation import gettext

from apps.core.errors import DomainError

OLDEST_COMPOSE = (2, 20)


class EngineProblem(DomainError):
    """Docker or Compose cannot do what was asked; the person can only tell an administrator."""

    http_status = 503


class ComposeMissing(EngineProblem):
    """The docker command or its compose plugin is not there."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            gettext(
                "Docker Compose was not found on the panel's machine, so nothing was checked or changed. "
                "Install it (Debian: docker-compose or docker-compose-plugin, Ubuntu: docker-compose-v2)."
            )
            + _said(detail)
        )


class ComposeTooOld(EngineProblem):
    """A Compose whose output and options the panel does not know."""

    def __init__(self, version: str) -> None:
        oldest = ".".join(map(str, OLDEST_COMPOSE))
        super().__init__(
            gettext(
                "Docker Compose %(version)s is too old, so nothing was checked or changed. "
                "Install version %(oldest)s or later."
            )
            % {"version": version, "oldest": oldest}
        )


class EngineUnreachable(EngineProblem):
    """The Docker engine does not answer."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            gettext(
                "The Docker engine does not answer. See whether its service runs, and "
                "whether the panel's user may use it (group docker)."
            )
            + _said(detail)
        )


def _said(detail: str) -> str:
    return " " + gettext("It said: %(detail)s") % {"detail": detail} if detail else ""
