"""How the deploys of each version ended, for the list of versions: two queries, however many there are."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max, Q

from apps.applications.models import ComposeVersion
from apps.deployments.models import DeployEvent
from apps.deployments.states import CHANGING, Status


@dataclass(frozen=True)
class VersionOutcome:
    """A version, the last event that put it in place (or tried to), and how often that was and went well."""

    version: ComposeVersion
    last: DeployEvent | None = None
    times: int = 0
    well: int = 0


def with_outcomes(versions: Iterable[ComposeVersion]) -> list[VersionOutcome]:
    """Return `versions` in their order, each with how its deploys and rollbacks ended."""
    wanted = list(versions)
    counted = {
        row["version"]: row
        for row in DeployEvent.objects.filter(version__in=wanted, action__in=CHANGING)
        .order_by()
        .values("version")
        .annotate(last=Max("pk"), times=Count("pk"), well=Count("pk", filter=Q(status=Status.SUCCEEDED)))
    }
    events = DeployEvent.objects.only("status", "queued_at").in_bulk(
        [row["last"] for row in counted.values()]
    )
    return [
        VersionOutcome(version, events[row["last"]], row["times"], row["well"])
        if (row := counted.get(version.pk))
        else VersionOutcome(version)
        for version in wanted
    ]
