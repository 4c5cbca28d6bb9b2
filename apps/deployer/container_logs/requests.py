"""What the pages ask of the containers' output once: the last lines, a file, the names of the services."""

import threading
from collections.abc import Generator

from django.utils.translation import gettext

from apps.applications.models import App
from apps.deployer.app_secrets import redactor_of_containers
from apps.deployer.container_logs.follower import MOST_CONTAINERS
from apps.deployer.container_logs.lines import OutputLine, Source, wanted
from apps.deployer.container_logs.reading import as_text, last_lines
from apps.deployer.container_logs.watching import TooManyViews
from apps.deployer.container_logs.wishes import Wish
from apps.deployer.containers import Container, list_containers
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CancelToken
from apps.deployer.state.feed import running_feed

# Files that are made at once, for everybody together.
MOST_FILES = 6
_PAGE_TIMEOUT = 5.0  # seconds that a page waits for an engine that hangs

_files = threading.BoundedSemaphore(MOST_FILES)


def containers_of(app: App) -> list[Container]:
    """Return the containers of `app` by service and name. Raises EngineUnreachable."""
    feed = running_feed()
    if feed is None:
        return list_containers(default_runner(), app.project)
    found = feed.of(app.project)
    if found is None:
        raise EngineUnreachable("")
    return found


def read_last(app: App, containers: list[Container], wish: Wish) -> list[OutputLine]:
    """Return the last lines of those of `containers` that `wish` names, secrets replaced."""
    return last_lines(default_runner(), _sources(app, containers, wish), wish, timeout=_PAGE_TIMEOUT)


def read_file(
    app: App, containers: list[Container], wish: Wish, cancel: CancelToken, *, timestamps: bool
) -> Generator[str]:
    """Return the text of a file with all that `wish` names, line by line; `cancel` ends it early.

    Raises TooManyViews.
    """
    sources = _sources(app, containers, wish)
    if not _files.acquire(blocking=False):
        raise TooManyViews(
            gettext("%(most)s logs of containers are being downloaded already. Try again later.")
            % {"most": MOST_FILES}
        )
    return _freeing(as_text(default_runner(), sources, wish, cancel, timestamps=timestamps, names=True))


def _freeing(lines: Generator[str]) -> Generator[str]:
    try:
        # A generator that was never begun would not come to its `finally`.
        yield ""
        yield from lines
    finally:
        lines.close()
        _files.release()


def _sources(app: App, containers: list[Container], wish: Wish) -> list[Source]:
    redactor = redactor_of_containers(app)
    return [Source(container, redactor) for container in wanted(containers, wish.service)[:MOST_CONTAINERS]]
