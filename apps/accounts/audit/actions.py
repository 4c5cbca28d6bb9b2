"""What the audit has entries about. A test names the way that writes each of them."""

from django.db import models


class AuditAction(models.TextChoices):
    PANEL_CLAIMED = "panel.claimed", "Panel claimed"

    SIGNED_IN = "session.signed_in", "Signed in"
    SIGN_IN_FAILED = "session.sign_in_failed", "Sign-in failed"
    SIGNED_OUT = "session.signed_out", "Signed out"
    SESSION_ENDED = "session.ended", "Session ended"
    FACTOR_ADDED = "second_factor.added", "Second factor added"
    FACTOR_REMOVED = "second_factor.removed", "Second factor removed"
    CODES_RENEWED = "second_factor.codes_renewed", "Recovery codes renewed"
    REFUSED = "request.refused", "Request refused"

    INVITED = "invitation.made", "Invitation made"
    INVITATION_USED = "invitation.used", "Invitation used"
    INVITATION_WITHDRAWN = "invitation.withdrawn", "Invitation withdrawn"

    PERSON_ADDED = "person.added", "Person added"
    PERSON_CHANGED = "person.changed", "Person changed"
    PERSON_REMOVED = "person.removed", "Person removed"
    PASSWORD_CHANGED = "password.changed", "Password changed"

    GRANT_GIVEN = "grant.given", "Role given"
    GRANT_TAKEN = "grant.taken", "Role taken away"

    HOST_RULE_ALLOWED = "host_rule.allowed", "Exception from the Compose policy allowed"
    HOST_RULE_WITHDRAWN = "host_rule.withdrawn", "Exception from the Compose policy withdrawn"

    TEAM_ADDED = "team.added", "Team added"
    TEAM_CHANGED = "team.changed", "Team changed"
    TEAM_REMOVED = "team.removed", "Team removed"

    REGISTRY_ADDED = "registry.added", "Registry added"
    REGISTRY_CHANGED = "registry.changed", "Registry changed"
    REGISTRY_REMOVED = "registry.removed", "Registry removed"

    APP_ADDED = "app.added", "App added"
    APP_CHANGED = "app.changed", "App settings changed"
    VERSION_ADDED = "version.added", "Version added"

    TEMPLATE_ADDED = "template.added", "Template added"
    TEMPLATE_CHANGED = "template.changed", "Template changed"
    TEMPLATE_REMOVED = "template.removed", "Template removed"

    EVENT_REQUESTED = "event.requested", "Event requested"
    EVENT_APPROVED = "event.approved", "Event approved"
    EVENT_REFUSED = "event.refused", "Event refused"
    APPROVAL_OVERRIDDEN = "event.approval_overridden", "Approval overridden"
    EVENT_CANCEL_REQUESTED = "event.cancel_requested", "Cancel requested"
    EVENT_ENDED = "event.ended", "Event ended"

    TOKEN_MADE = "token.made", "Token made"
    TOKEN_REVOKED = "token.revoked", "Token revoked"
    TOKEN_REFUSED = "token.refused", "Token refused"
    SECRET_REVEALED = "secret.revealed", "Secret revealed"
    KEYS_ROTATED = "key.rotated", "Keys rotated"

    AUDIT_EXPORTED = "audit.exported", "Audit exported"
    AUDIT_PRUNED = "audit.pruned", "Audit pruned"


def action_choices() -> list[tuple[str, str]]:
    """Return the actions with their labels; a function, so that a new one needs no migration."""
    return AuditAction.choices
