"""What the audit has entries about. A test names the way that writes each of them."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy


class AuditAction(models.TextChoices):
    PANEL_CLAIMED = "panel.claimed", gettext_lazy("Panel claimed")

    SIGNED_IN = "session.signed_in", gettext_lazy("Signed in")
    SIGN_IN_FAILED = "session.sign_in_failed", gettext_lazy("Sign-in failed")
    SIGNED_OUT = "session.signed_out", gettext_lazy("Signed out")
    SESSION_ENDED = "session.ended", gettext_lazy("Session ended")
    FACTOR_ADDED = "second_factor.added", gettext_lazy("Second factor added")
    FACTOR_REMOVED = "second_factor.removed", gettext_lazy("Second factor removed")
    CODES_RENEWED = "second_factor.codes_renewed", gettext_lazy("Recovery codes renewed")
    REFUSED = "request.refused", gettext_lazy("Request refused")

    INVITED = "invitation.made", gettext_lazy("Invitation made")
    INVITATION_USED = "invitation.used", gettext_lazy("Invitation used")
    INVITATION_WITHDRAWN = "invitation.withdrawn", gettext_lazy("Invitation withdrawn")

    PERSON_ADDED = "person.added", gettext_lazy("Person added")
    PERSON_CHANGED = "person.changed", gettext_lazy("Person changed")
    PERSON_REMOVED = "person.removed", gettext_lazy("Person removed")
    PASSWORD_CHANGED = "password.changed", gettext_lazy("Password changed")

    GRANT_GIVEN = "grant.given", gettext_lazy("Role given")
    GRANT_TAKEN = "grant.taken", gettext_lazy("Role taken away")

    HOST_RULE_ALLOWED = "host_rule.allowed", gettext_lazy("Exception from the Compose policy allowed")
    HOST_RULE_WITHDRAWN = "host_rule.withdrawn", gettext_lazy("Exception from the Compose policy withdrawn")

    TEAM_ADDED = "team.added", gettext_lazy("Team added")
    TEAM_CHANGED = "team.changed", gettext_lazy("Team changed")
    TEAM_REMOVED = "team.removed", gettext_lazy("Team removed")

    REGISTRY_ADDED = "registry.added", gettext_lazy("Registry added")
    REGISTRY_CHANGED = "registry.changed", gettext_lazy("Registry changed")
    REGISTRY_REMOVED = "registry.removed", gettext_lazy("Registry removed")

    APP_ADDED = "app.added", gettext_lazy("App added")
    APP_CHANGED = "app.changed", gettext_lazy("App settings changed")
    VERSION_ADDED = "version.added", gettext_lazy("Version added")

    TEMPLATE_ADDED = "template.added", gettext_lazy("Template added")
    TEMPLATE_CHANGED = "template.changed", gettext_lazy("Template changed")
    TEMPLATE_REMOVED = "template.removed", gettext_lazy("Template removed")

    EVENT_REQUESTED = "event.requested", gettext_lazy("Event requested")
    EVENT_APPROVED = "event.approved", gettext_lazy("Event approved")
    EVENT_REFUSED = "event.refused", gettext_lazy("Event refused")
    APPROVAL_OVERRIDDEN = "event.approval_overridden", gettext_lazy("Approval overridden")
    EVENT_CANCEL_REQUESTED = "event.cancel_requested", gettext_lazy("Cancel requested")
    EVENT_ENDED = "event.ended", gettext_lazy("Event ended")

    CONSOLE_OPENED = "console.opened", gettext_lazy("Console opened")
    CONSOLE_CLOSED = "console.closed", gettext_lazy("Console closed")

    TOKEN_MADE = "token.made", gettext_lazy("Token made")
    TOKEN_REVOKED = "token.revoked", gettext_lazy("Token revoked")
    TOKEN_REFUSED = "token.refused", gettext_lazy("Token refused")
    SECRET_REVEALED = "secret.revealed", gettext_lazy("Secret revealed")
    KEYS_ROTATED = "key.rotated", gettext_lazy("Keys rotated")

    LOGS_PRUNED = "log.pruned", gettext_lazy("Output of old events deleted")
    AUDIT_EXPORTED = "audit.exported", gettext_lazy("Audit exported")
    AUDIT_PRUNED = "audit.pruned", gettext_lazy("Audit pruned")


def action_choices() -> list[tuple[str, Any]]:
    """Return the actions with their labels; a function, so that a new one needs no migration."""
    return AuditAction.choices
