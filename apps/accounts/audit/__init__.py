"""The audit: who did what, from where, to what, and how it ended, in a chain that shows any change."""

from apps.accounts.audit.actions import AuditAction
from apps.accounts.audit.recording import record

__all__ = ["AuditAction", "record"]
