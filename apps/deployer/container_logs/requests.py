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

# Files that are made at once, for one person and for everybody together: who reads slowly holds one for long.
FILES_PER_PERSON, MOST_FILES = 2, 6
_PAGE_TIMEOUT = 5.0  # seconds that a page waits for an engine that hangs

_lock = threading.Lock()
_files: list[object] = []  # the persons for whom one is made


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
    person: object,
    app: App,
    containers: list[Container],
    wish: Wish,
    cancel: CancelToken,
    *,
    timestamps: bool,
) -> Generator[str]:
    """Return the text of a file with all that `wish` names, line by line; `cancel` ends it early.

    `person` is the key of the account that it is for. Raises TooManyViews.
    """
    sources = _sources(app, containers, wish)
    with _lock:
        if _files.count(person) >= FILES_PER_PERSON:
            raise TooManyViews(
                gettext("You are downloading %(most)s logs of containers already. Wait for one of them.")
                % {"most": FILES_PER_PERSON}
            )
        if len(_files) >= MOST_FILES:
            raise TooManyViews(
                gettext("%(most)s logs of containers are being downloaded already. Try again later.")
                % {"most": MOST_FILES}
            )
        _files.append(person)
    lines = as_text(default_runner(), sources, wish, cancel, timestamps=timestamps)
    text = _freeing(person, lines)
    # Whoever asked may be gone already: a generator that was never begun would not come to its `finally`.
    next(text)
    return text


def _freeing(person: object, lines: Generator[str]) -> Generator[str]:
    try:
        yield ""
        yield from lines
    finally:
        lines.close()
        with _lock:
            _files.remove(person)


def _sources(app: App, containers: list[Container], wish: Wish) -> list[Source]:
    redactor = redactor_of_containers(app)
    return [Source(container, redactor) for container in wanted(containers, wish.service)[:MOST_CONTAINERS]]
