"""Events as plain objects, for JSON."""

from datetime import datetime
from typing import Any

from apps.deployments.models import DeployEvent


def event_record(event: DeployEvent, position: int | None = None) -> dict[str, Any]:
    """Return the columns of `event` as JSON types: its version as the number, times in ISO 8601.

    `position` is its place in the queue (1 is next) where the caller knows it.
    """
    return {
        "id": event.pk,
        "app": event.slug or None,
        "action": event.action,
        "version": event.version.number if event.version else None,
        "arguments": event.arguments,
        "status": event.status,
        "position": position,
        "step": event.step,
        "steps": event.steps,
        "exit_code": event.exit_code,
        "error": event.error,
        "output_tail": event.output_tail,
        "plan": event.plan,
        "images": event.images,
        "services": event.services,
        "cause": event.cause_id,
        "requested_by": event.requested_by,
        "requested_from": event.requested_from,
        "approval": event.approval,
        "approval_by": event.approval_by,
        "approval_at": _iso(event.approval_at),
        "approval_note": event.approval_note,
        "approval_sha256": event.approval_sha256,
        "cancel_requested_by": event.cancel_requested_by,
        "cancel_requested_at": _iso(event.cancel_requested_at),
        "worker": event.worker,
        "heartbeat_at": _iso(event.heartbeat_at),
        "queued_at": _iso(event.queued_at),
        "started_at": _iso(event.started_at),
        "finished_at": _iso(event.finished_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
