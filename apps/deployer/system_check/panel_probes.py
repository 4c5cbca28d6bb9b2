"""Probes of the panel itself: database, worker, Redis, and settings that are dangerous."""

from collections.abc import Iterator

from django.conf import settings
from django.core.cache import cache
from django.core.checks import CheckMessage
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from apps.core.checks import dangerous_settings, tls_is_on, tls_needs_a_trusted_proxy
from apps.core.database import DatabaseUnusable, require_migrated
from apps.deployer.system_check.findings import Finding, State
from apps.deployer.worker import live_worker

_PROBE = "system-check-probe"


def probe_database() -> Iterator[Finding]:
    """Does the database answer and fit, and does a worker take events?"""
    title = _("Database")
    try:
        require_migrated()
    except DatabaseUnusable as problem:
        mend = _("Bring it up to date, or start it.")
        yield Finding("database", title, State.BAD, str(problem), mend, "manage.py migrate")
        return
    means = _("%(kind)s answers and is up to date.") % {"kind": connection.display_name}
    yield Finding("database", title, State.GOOD, means)
    yield _worker()


def _worker() -> Finding:
    title = _("Worker")
    try:
        alive = live_worker()
    except DatabaseError as error:
        return Finding("worker", title, State.UNKNOWN, str(DatabaseUnusable.of(error)))
    if alive:
        return Finding("worker", title, State.GOOD, _("One runs, and takes what is queued."))
    means = _("None runs: what is queued waits for ever.")
    mend = _("The panel itself has one; start it, or a worker beside it.")
    return Finding("worker", title, State.BAD, means, mend, "manage.py worker")


def probe_redis() -> Finding:
    """Does Redis answer, where several processes share it?"""
    if not settings.REDIS_URL:
        return Finding("redis", "Redis", State.GOOD, _("Not used: the panel's processes share the database."))
    try:
        cache.set(_PROBE, "yes", timeout=10)
        answers = cache.get(_PROBE) == "yes"
    except Exception as error:  # noqa: BLE001  # whatever the client raises means the same here
        answers, why = False, type(error).__name__
    else:
        why = _("it forgets")
    if answers:
        return Finding("redis", "Redis", State.GOOD, _("It answers."))
    means = _("It does not answer (%(why)s): pages are not live, and limits of sign-in cannot be counted.")
    mend = _("Start it, or correct REDIS_URL.")
    return Finding("redis", "Redis", State.BAD, means % {"why": why}, mend, "sudo systemctl start redis")


def probe_settings() -> Iterator[Finding]:
    """Are there settings that are dangerous together?"""
    found = {message.id: message for message in [*tls_needs_a_trusted_proxy(None), *dangerous_settings(None)]}
    yield _told("tls", "TLS", found, "simpledeploy.E001", "simpledeploy.W002") or _tls()
    yield _told("hosts", _("Names of the panel"), found, "simpledeploy.W003") or Finding(
        "hosts",
        _("Names of the panel"),
        State.GOOD,
        _("It answers as %(names)s.") % {"names": ", ".join(settings.ALLOWED_HOSTS) or "localhost"},
    )
    yield _told("proxies", _("Trusted proxies"), found, "simpledeploy.W004") or Finding(
        "proxies", _("Trusted proxies"), State.GOOD, _proxies()
    )
    yield _told("debug", _("Debug mode"), found, "simpledeploy.W005") or Finding(
        "debug", _("Debug mode"), State.GOOD, _("It is off.")
    )


def _told(id: str, title: str, found: dict[str | None, CheckMessage], *wanted: str) -> Finding | None:
    for one in wanted:
        if message := found.get(one):
            return Finding(id, title, State.BAD, message.msg, message.hint or "")
    return None


def _tls() -> Finding:
    if warnings := tls_is_on(None):
        return Finding("tls", "TLS", State.WARNING, warnings[0].msg, warnings[0].hint or "")
    return Finding("tls", "TLS", State.GOOD, _("People reach the panel over https alone."))


def _proxies() -> str:
    networks = settings.SIMPLEDEPLOY_TRUSTED_PROXIES
    if not networks:
        return _("None: nobody is believed about who asks.")
    return _("Believed about who asks: %(networks)s.") % {"networks": ", ".join(map(str, networks))}
