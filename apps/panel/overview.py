"""What the pages say of apps at a glance: their state, what is being deployed, what changed last."""

from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery

from apps.applications.models import App
from apps.deployer.state import states
from apps.deployer.state.app_state import AppState
from apps.deployments import queue
from apps.deployments.models import DeployEvent


@dataclass(frozen=True)
class AppRow:
    """One app with its state; `deploying` is the event that runs, is next, or waits for approval."""

    app: App
    state: AppState
    deploying: DeployEvent | None
    position: int
    last_event: DeployEvent | None

    @property
    def live_key(self) -> str:
        """What apps-live.js compares with a frame of /ws/apps/ to see whether this is out of date."""
        event = self.deploying
        parts: list[object] = [self.state.state, self.state.fingerprint]
        if event is not None:
            parts += [event.pk, event.status, event.step, self.position]
        return "|".join(str(part) for part in parts)


def app_rows(apps: "QuerySet[App]") -> list[AppRow]:
    """Return a row for each of `apps`, in four queries however many they are."""
    newest = DeployEvent.objects.filter(app=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    found = list(apps.select_related("current_version").annotate(last_event_id=Subquery(newest)))
    events = DeployEvent.objects.select_related("version").in_bulk(
        [app.last_event_id for app in found if app.last_event_id]
    )
    deploying = queue.foremost(DeployEvent.objects.active().filter(app__in=found))
    places = queue.positions()
    by_slug = states.app_states([app.slug for app in found])
    rows = []
    for app in found:
        event = deploying.get(app.pk)
        rows.append(
            AppRow(
                app=app,
                state=by_slug[app.slug].with_event() if event and event.is_coming else by_slug[app.slug],
                deploying=event,
                position=places.get(event.pk, 0) if event else 0,
                last_event=events.get(app.last_event_id),
            )
        )
    return rows
