"""Lists of events: what they read, and the pages they come in."""

# What a list shows of an event; the rest (plan, output ...) can be long.
BRIEF = (
    "app_id",
    "slug",
    "action",
    "arguments",
    "status",
    "step",
    "approval",
    "cause_id",
    "version_id",
    "cancel_requested_at",
    "requested_by",
    "queued_at",
    "started_at",
    "finished_at",
)
