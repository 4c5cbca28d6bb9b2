"""All probes together: side by side, within one limit of time, with no more than a few processes."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from threading import Thread

from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from apps.core.errors import DomainError
from apps.deployer.runner import default_runner
from apps.deployer.runner.interface import CommandRunner
from apps.deployer.system_check.engine_probes import probe_engine
from apps.deployer.system_check.findings import Finding, State
from apps.deployer.system_check.machine_probes import (
    probe_apps_folder,
    probe_backups,
    probe_data_folder,
    probe_keys,
    probe_limits,
    probe_memory_folder,
)
from apps.deployer.system_check.panel_probes import probe_database, probe_redis, probe_settings

logger = logging.getLogger(__name__)

# Seconds for all of them together: a file system or a server that hangs must not hold the page.
_TIMEOUT = 15.0

_Probe = Callable[[], Finding | Iterable[Finding]]


def check_system(runner: CommandRunner | None = None) -> list[Finding]:
    """Return what every probe finds, in a fixed order; nothing is changed."""
    engine = partial(probe_engine, runner or default_runner())
    beside: dict[str, _Probe] = {
        "engine": engine,
        "data-folder": probe_data_folder,
        "apps-folder": probe_apps_folder,
        "keys": probe_keys,
        "memory": probe_memory_folder,
        "redis": probe_redis,
        "limits": probe_limits,
    }
    # Threads have a language of their own.
    language = get_language() or "en"
    asked = {name: _begin(name, probe, language) for name, probe in beside.items()}
    # Those that use the database use the caller's connection.
    database = _found("database", probe_database, language)
    done, _late = wait(asked.values(), _TIMEOUT)
    told = {name: one.result() if one in done else [_hangs(name)] for name, one in asked.items()}
    settings = _found("settings", probe_settings, language)
    order = [told["engine"], database, told["redis"], told["data-folder"], told["apps-folder"], told["keys"]]
    order += [told["memory"], told["limits"], settings, [probe_backups()]]
    return [finding for group in order for finding in group]


def _begin(name: str, probe: _Probe, language: str) -> "Future[list[Finding]]":
    """Start `probe` in a thread that, where it hangs, is left behind and holds up no end of the process."""
    answer: Future[list[Finding]] = Future()
    Thread(
        target=lambda: answer.set_result(_found(name, probe, language)),
        name=f"system-check-{name}",
        daemon=True,
    ).start()
    return answer


def _found(name: str, probe: _Probe, language: str) -> list[Finding]:
    with override(language):
        try:
            found = probe()
            return [found] if isinstance(found, Finding) else list(found)
        except DomainError as error:
            return [Finding(name, name, State.UNKNOWN, str(error))]
        except Exception:
            logger.exception("The probe %s failed", name)
            return [_untold(name)]


def _hangs(name: str) -> Finding:
    means = _("No answer within %(seconds)d seconds.") % {"seconds": _TIMEOUT}
    return Finding(name, name, State.BAD, means, _("See what hangs: a disk, a network, a server."))


def _untold(name: str) -> Finding:
    return Finding(name, name, State.UNKNOWN, _("It could not be found out; the server's log says why."))
