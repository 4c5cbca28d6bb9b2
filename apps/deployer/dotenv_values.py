"""The values of `.env` files, as Compose reads them: quotes, escapes and variables resolved."""

import json
import re
from collections.abc import Sequence
from typing import Any

from apps.applications import environment
from apps.deployer import compose
from apps.deployer.compose import COMPOSE_FILE, Project
from apps.deployer.memory_folder import memory_folder
from apps.deployer.runner.environment import process_environment
from apps.deployer.runner.interface import CommandRunner, Outcome, collect

_TIMEOUT = 30.0
# Whatever may be a name. What is none, a line of a longer value for instance, has no value for Compose.
_NAME = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:]", re.MULTILINE)
_LINE = re.compile(r"\bline (\d+)\b")
# They say which files, projects and processes Compose takes; the panel says so itself.
_COMPOSE_OWN = frozenset(
    {"COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROJECT_NAME", "COMPOSE_ENV_FILES"}
)


class DotenvUnreadable(Exception):
    """A `.env` that Compose itself cannot read; `line` is where, if it says so, and nothing is quoted."""

    def __init__(self, line: int | None) -> None:
        super().__init__(line)
        self.line = line


def read_values(runner: CommandRunner, texts: Sequence[bytes]) -> dict[str, str]:
    """Return {name: value} of the `.env` files with these `texts`, in their order; later ones win.

    Compose is asked to fill in a file that names each variable. Raises DotenvUnreadable.
    """
    names = list(dict.fromkeys(n for text in texts for n in _NAME.findall(text.decode(errors="replace"))))
    if not names:
        return {}
    with memory_folder("values") as folder:
        question = {"services": {"app": {"image": "scratch", "environment": dict.fromkeys(names)}}}
        (folder / COMPOSE_FILE).write_text(json.dumps(question), encoding="utf-8")
        files = [folder / f"{number}.env" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text)
        argv = compose.resolved(Project("simpledeploy-values", folder), env_files=map(str, files))
        answer = collect(runner, argv, env=process_environment(hide=names), cwd=folder, timeout=_TIMEOUT)
    if not answer.ok:
        # Its own words quote the line, and with it a value.
        line = _LINE.search(answer.stderr) if answer.outcome is Outcome.EXITED else None
        raise DotenvUnreadable(int(line[1]) if line else None)
    model: dict[str, Any] = json.loads(answer.stdout)
    found = model["services"]["app"].get("environment") or {}
    return {name: unescaped(value) for name in names if (value := found.get(name)) is not None}


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
