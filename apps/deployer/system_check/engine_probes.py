"""Probes of Docker: the engine, its socket, Compose, its disk and its clock."""

import getpass
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.deployer.engine_errors import OLDEST_COMPOSE, EngineProblem
from apps.deployer.engine_facts import EngineFacts, read_facts
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.system_check.findings import Finding, State
from apps.deployer.system_check.room import room

_SOCKET = "/var/run/docker.sock"
# Seconds by which two clocks may differ: beyond, times in logs mislead; far beyond, registries' tokens fail.
_SKEW, _BAD_SKEW = 5, 60


def probe_engine(runner: CommandRunner) -> list[Finding]:
    """Ask the engine once, and judge all that it says of itself."""
    try:
        facts = read_facts(runner)
    except EngineProblem as problem:
        return [_unreachable(str(problem)), *_socket()]
    return [
        Finding("engine", _("Docker engine"), State.GOOD, _answers(facts)),
        *_socket(),
        _compose(facts.compose),
        _clock(facts),
        *_root(facts.root),
    ]


def _answers(facts: EngineFacts) -> str:
    return _("Version %(version)s answers.") % {"version": facts.version}


def _unreachable(said: str) -> Finding:
    title = _("Docker engine")
    if "permission denied" in said.lower():
        user = getpass.getuser()
        return Finding(
            "engine",
            title,
            State.BAD,
            _("The panel's user, %(user)s, may not use the engine: nothing can be deployed.")
            % {"user": user},
            _("Put the user into the group docker, and start the panel again."),
            f"sudo usermod -aG docker {user}",
        )
    means = _("It does not answer: nothing can be deployed, and what runs is not seen.")
    return Finding(
        "engine",
        title,
        State.BAD,
        f"{means} {said}",
        _("Start it, and see in its journal why it stopped."),
        "sudo systemctl start docker; sudo journalctl -u docker -n 50",
    )


def _own_socket() -> Path | None:
    """Return the socket of this machine's engine; None where DOCKER_HOST names an engine elsewhere."""
    host = os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}"
    return Path(host.removeprefix("unix://")) if host.startswith("unix://") else None


def _socket() -> Iterator[Finding]:
    path, title = _own_socket(), _("The engine's socket")
    if path is None:
        return
    try:
        found = path.stat()
    except OSError as error:
        if os.environ.get("DOCKER_HOST"):
            means = _("%(path)s, which DOCKER_HOST names, is not there: %(why)s.")
            told = means % {"path": path, "why": error.strerror}
            yield Finding("socket", title, State.BAD, told, _("Correct DOCKER_HOST, or start that engine."))
        return
    if found.st_mode & stat.S_IWOTH:
        yield Finding(
            "socket",
            title,
            State.BAD,
            _("Every user of this machine may write to %(path)s, and so become root.") % {"path": path},
            _("Let only its group use it."),
            f"sudo chmod 660 {path}",
        )
    elif not os.access(path, os.R_OK | os.W_OK):
        yield Finding(
            "socket",
            title,
            State.BAD,
            _("The panel's user may not use %(path)s.") % {"path": path},
            _("Put the user into the group docker, and start the panel again."),
            f"sudo usermod -aG docker {getpass.getuser()}",
        )
    else:
        means = _("%(path)s may be used by its owner and its group alone.") % {"path": path}
        yield Finding("socket", title, State.GOOD, means)


def _compose(version: str) -> Finding:
    title, oldest = "Docker Compose", ".".join(map(str, OLDEST_COMPOSE))
    install = "sudo apt install docker-compose-plugin"
    if not version:
        means = _("It was not found: nothing can be deployed.")
        return Finding("compose", title, State.BAD, means, _("Install it."), install)
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < OLDEST_COMPOSE:
        means = _("Version %(version)s is too old: nothing can be deployed.") % {"version": version}
        mend = _("Install version %(oldest)s or later.") % {"oldest": oldest}
        return Finding("compose", title, State.BAD, means, mend, install)
    return Finding("compose", title, State.GOOD, _("Version %(version)s.") % {"version": version})


def _clock(facts: EngineFacts) -> Finding:
    title = _("Clock")
    if facts.time is None:
        return Finding("clock", title, State.UNKNOWN, _("The engine did not say what time it has."))
    skew = abs((timezone.now() - facts.time).total_seconds())
    if skew <= _SKEW:
        return Finding("clock", title, State.GOOD, _("The engine has the same time as the panel."))
    means = _("The engine's clock differs from the panel's by %(seconds)d seconds: times in logs mislead.")
    return Finding(
        "clock",
        title,
        State.BAD if skew > _BAD_SKEW else State.WARNING,
        means % {"seconds": round(skew)},
        _("Let both machines keep time by the network."),
        "sudo timedatectl set-ntp true",
    )


def _root(root: str) -> Iterator[Finding]:
    # An engine on another machine has its disk there.
    if root and _own_socket() and os.path.isdir(root):
        mend = _("Free it of what nothing needs: Settings, Prune.")
        yield room("engine-disk", _("Room for the engine"), Path(root), mend, "manage.py engine prune")
