"""The state of all apps: what the watcher of this process knows or, where none watches, one look."""

from collections import defaultdict
from collections.abc import Iterable

from apps.applications.models import PROJECT_PREFIX, App
from apps.deployer.containers import Container, list_containers
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.state.app_state import ABSENT, UNREACHABLE, AppState, state_of
from apps.deployer.state.baseline import read_baselines
from apps.deployer.state.drift import find_differences
from apps.deployer.state.edited_files import edited_by_app
from apps.deployer.state.watcher import EngineWatcher

_watcher: EngineWatcher | None = None


def start_watcher() -> EngineWatcher:
    """Watch the engine from this process on, so that `app_states` needs no look of its own."""
    global _watcher
    watcher = EngineWatcher(default_runner())
    watcher.start()
    _watcher = watcher
    return watcher


def app_states(slugs: Iterable[str] | None = None) -> dict[str, AppState]:
    """Return the state of each app of `slugs` (default: of all apps), without regard to its events.

    In the server this is what the watcher knows; a command looks at the engine and the files once.
    """
    if slugs is None:
        slugs = App.objects.live().values_list("slug", flat=True)
    slugs = list(slugs)
    states = _watcher.states() if _watcher else _look_once(default_runner(), slugs)
    if states is None:
        return dict.fromkeys(slugs, UNREACHABLE)
    return {slug: states.get(slug, ABSENT) for slug in slugs}


def _look_once(runner: CommandRunner, slugs: list[str]) -> dict[str, AppState] | None:
    """Return the state of the apps `slugs`; None where the engine does not answer."""
    try:
        found = list_containers(runner)
    except EngineProblem:
        return None
    by_project: defaultdict[str, list[Container]] = defaultdict(list)
    for container in found:
        by_project[container.project].append(container)
    baselines = read_baselines(slugs)
    edited = edited_by_app(baselines.values())
    states = {}
    for slug in slugs:
        baseline, own = baselines.get(slug), by_project[PROJECT_PREFIX + slug]
        differences = find_differences(baseline, own, edited.get(slug, ())) if baseline else ()
        states[slug] = state_of(own, baseline, differences)
    return states
