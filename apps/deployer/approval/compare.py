"""The step before an approved event acts: is it still what was approved?"""

from apps.deployer.approval.review import review
from apps.deployer.run import Run, RunCancelled, StepFailed


def compare(run: Run) -> None:
    """Stop where what is about to be done is no longer what was approved; nothing was changed then."""
    event = run.event
    approved = event.plan
    if run.planning:
        images = [one["image"] for one in approved.get("images", ()) if one["id"]]
        summary, sha256 = run.planning.bond(images)
    else:
        now = review(event, run.runner)
        summary, sha256 = now.plan.summary, now.sha256
    if run.cancel.cancelled:
        raise RunCancelled  # which may be why it could not be told
    if sha256 and sha256 == event.approval_sha256:
        run.log.say(f"It is what {event.approval_by} approved, SHA-256 {sha256[:12]}")
        return
    difference = _difference(summary, approved.get("summary", ""))
    raise StepFailed(f"{difference}. It was not done; ask for it again")


def _difference(now: str, approved: str) -> str:
    """Return in words how what is planned `now` differs from what was `approved`."""
    if not now:
        return "What it would do could not be told, and so not be compared with what was approved"
    if now != approved:
        return f"This is no longer what was approved: it would now {now}, instead of {approved}"
    return "This is no longer what was approved: its content, files or images are others by now"
