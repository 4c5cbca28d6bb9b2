"""The panel's settings: the engine, its disk, what is kept how long, what this is, the system check."""

import platform
from dataclasses import replace

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.accounts import policy
from apps.accounts.audit.models import AuditEntry
from apps.accounts.policy import Permission
from apps.accounts.rate_limits import ENGINE_LISTS, limited
from apps.core.version import VERSION
from apps.deployer.engine_errors import EngineProblem
from apps.deployer.engine_facts import read_disk_use, read_facts
from apps.deployer.runner import default_runner
from apps.deployer.system_check.findings import State
from apps.deployer.system_check.run import check_system
from apps.deployments.models import DeployEvent, DeployLog
from apps.panel.access import signed_in, wants_fragment

# What Docker calls the kinds of things that take room.
_KINDS = {
    "Images": _("Images"),
    "Containers": _("Containers"),
    "Local Volumes": _("Volumes"),
    "Build Cache": _("Build cache"),
}


@signed_in
@require_GET
@limited(ENGINE_LISTS)
def index(request: HttpRequest) -> HttpResponse:
    """The engine, what is kept how long, and what this is."""
    policy.require(request.user, Permission.VIEW_MACHINE)
    context: dict[str, object] = {"retention": _retention(), "about": _about()}
    try:
        context["facts"] = read_facts(default_runner())
    except EngineProblem as problem:
        context["problem"] = problem
    return render(request, "settings.html", context)


@signed_in
@require_GET
@limited(ENGINE_LISTS)
def disk(request: HttpRequest) -> HttpResponse:
    """How much room the engine's things take; it counts files, so it comes after the page."""
    policy.require(request.user, Permission.VIEW_MACHINE)
    try:
        found = read_disk_use(default_runner())
        context: dict[str, object] = {
            "rows": [replace(one, kind=str(_KINDS.get(one.kind, one.kind))) for one in found]
        }
    except EngineProblem as problem:
        context = {"problem": problem}
    template = "partials/disk_use.html" if wants_fragment(request) else "settings_disk.html"
    return render(request, template, context)


@signed_in
@require_GET
@limited(ENGINE_LISTS)
def check(request: HttpRequest) -> HttpResponse:
    """What is wrong with this machine, and how to mend it."""
    policy.require(request.user, Permission.VIEW_MACHINE)
    findings = check_system()
    severity = list(State)
    context = {
        # What is to be done comes first.
        "findings": sorted(findings, key=lambda finding: severity.index(finding.state), reverse=True),
        "bad": sum(finding.state == State.BAD for finding in findings),
        "warnings": sum(finding.state == State.WARNING for finding in findings),
    }
    return render(request, "settings_check.html", context)


def _retention() -> dict[str, object]:
    """Return what is kept how long, and from when the oldest of it is."""
    oldest_log = DeployLog.objects.order_by("pk").values_list("event__queued_at", flat=True).first()
    oldest_entry = AuditEntry.objects.order_by("number").values_list("at", flat=True).first()
    return {
        "log_days": settings.SIMPLEDEPLOY_KEEP_LOG_DAYS,
        "keep_versions": settings.SIMPLEDEPLOY_KEEP_VERSIONS,
        "approval_days": settings.SIMPLEDEPLOY_APPROVAL_DAYS,
        "session_hours": settings.SESSION_COOKIE_AGE // 3600,
        "events": DeployEvent.objects.count(),
        "oldest_log": oldest_log,
        "oldest_entry": oldest_entry,
    }


def _about() -> dict[str, str]:
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": connection.display_name,
        "data": str(settings.SIMPLEDEPLOY_DATA_DIR),
        "apps": str(settings.SIMPLEDEPLOY_APPS_DIR),
    }
