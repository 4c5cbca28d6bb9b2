"""The values of a project's `.env` files, as Compose reads them: quotes, escapes and variables resolved."""

import json
import re
from collections.abc import Sequence
from typing import Any

from apps.applications import environment
from apps.applications.content import MAX_ENVIRONMENT_BYTES
from apps.deployer import compose
from apps.deployer.compose import COMPOSE_FILE, Project
from apps.deployer.host_files import FileRefused, read_host_file
from apps.deployer.memory_folder import memory_folder
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandRunner, collect

_TIMEOUT = 30.0
# Whatever may be a name. What is none, a line of a longer value for instance, has no value for Compose.
_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:]", re.MULTILINE)
# They say which files, projects and processes Compose takes; the panel says so itself.
_COMPOSE_OWN = frozenset(
    {"COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES"}
)


def read_values(runner: CommandRunner, paths: Sequence[str]) -> dict[str, str]:
    """Return {name: value} of the environment files at `paths`; later ones win.

    Compose is asked to fill in a file that names each variable. Raises FileRefused, which quotes nothing.
    """
    texts = [read_host_file(path, MAX_ENVIRONMENT_BYTES).decode(errors="replace") for path in paths]
    names = sorted({name for text in texts for name in _NAME.findall(text)})
    if not names:
        return {}
    with memory_folder("values") as folder:
        question = {"services": {"x": {"image": "x", "environment": dict.fromkeys(names)}}}
        (folder / COMPOSE_FILE).write_text(json.dumps(question), encoding="utf-8")
        argv = compose.resolved(Project("simpledeploy-values", folder), env_files=paths)
        answer = collect(runner, argv, env=process_environment(hide=names), cwd=folder, timeout=_TIMEOUT)
    if not answer.ok:
        raise FileRefused(f"Docker Compose cannot read {' and '.join(paths)} as they are now.")
    model: dict[str, Any] = json.loads(answer.stdout)
    found = model["services"]["x"].get("environment") or {}
    return {name: unescaped(value) for name, value in found.items() if value is not None}


def unescaped(value: str) -> str:
    """Return a value of a resolved model as a container gets it: there `$` is written twice."""
    return value.replace("$$", "$")


def usable(values: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return those of `values` that an app's environment may hold, and the names of the others."""
    kept = {
        name: value
        for name, value in values.items()
        if name not in _COMPOSE_OWN and not environment.parse(environment.write({name: value})).problems
    }
    return kept, sorted(values.keys() - kept.keys())
