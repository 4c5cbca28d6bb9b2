"""What another person can say to an event that waits for approval: every page comes through here."""

from django.utils.translation import gettext

from apps.accounts import policy
from apps.accounts.actor import Actor
from apps.accounts.policy import Permission
from apps.core.errors import Conflict, NotAllowed
from apps.deployer.approval.review import Review, review
from apps.deployer.runner import default_runner
from apps.deployments import approvals
from apps.deployments.models import DeployEvent


class ReviewOutdated(Conflict):
    """An approval of something else than what the event would do now; `review` is what it would do now."""

    def __init__(self, review: Review) -> None:
        super().__init__(
            gettext(
                "What it would do is no longer what was shown. Nothing was approved. Read the new "
                "plan, and approve it if you agree."
            )
        )
        self.review = review


class NotByToken(NotAllowed):
    """An approval by a program."""


def look_at(event: DeployEvent) -> Review:
    """Return what the waiting `event` would do now. Raises NotAwaited, and as `review` does."""
    approvals.require_awaited(event)
    return review(event, default_runner())


def approve(event: DeployEvent, by: Actor, *, reviewed: str, note: str = "") -> DeployEvent:
    """Let `event` take its place in the queue, if it would still do what `reviewed` is the SHA-256 of.

    Raises ReviewOutdated, NotByToken, NotAllowed, and as `look_at` and `approvals.give` do.
    """
    if by.token:
        raise NotByToken(
            gettext("A token approves nothing: sign in as the person that you are. Nothing was approved.")
        )
    policy.require(by.user, Permission.APPROVE, event.app)
    approvals.require_another_person(event, by)
    now = look_at(event)
    if now.sha256 != reviewed:
        raise ReviewOutdated(now)
    return approvals.give(event, by, plan=now.plan.as_dict(), sha256=now.sha256, note=note)
