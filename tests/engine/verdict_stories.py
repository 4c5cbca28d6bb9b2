"""What the tests of the verdict play on a panel: each story is an app and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.engine.conftest import AppOnPanel
from tests.lab.registry import Registry

Event = dict[str, Any]
SECRET = "hunter2-of-the-lab"

GOOD = "services: {{web: {{image: {web}, restart: unless-stopped}}}}"

JOBS = """
services:
  migrate:
    image: {job}
    environment: {{EXIT_CODE: "{code}"}}
  prepare:
    image: {job}
  report:
    image: {job}
    restart: "no"
  debug:
    image: {web}
    profiles: [debug]
  web:
    image: {web}
    restart: unless-stopped
    scale: 2
    depends_on:
      migrate: {{condition: service_completed_successfully}}
"""
CLEAN_FOR_FIVE_SECONDS = """
services:
  web:
    image: {job}
    restart: unless-stopped
    environment: {{JOB_SECONDS: "5", EXIT_CODE: "7"}}
"""
CRASHING = "services: {{web: {{image: {job}, restart: always, environment: {{EXIT_CODE: '7'}}}}}}"
SICK_AFTER_TEN_SECONDS = """
services:
  web:
    image: {web}
    command: [sh, -c, "touch /tmp/ok; (sleep 10; rm /tmp/ok; echo cache lost) & exec httpd -f -h /www"]
    healthcheck: {{test: [CMD, test, -f, /tmp/ok], interval: 500ms, retries: 1}}
"""
NEVER_HEALTHY = "services: {{web: {{image: {slow}, environment: {{START_SECONDS: '600'}}}}}}"
# An engine may lose the news where the last process of a container is the one that is killed.
HUNGRY = """
services:
  web:
    image: {web}
    command: [sh, -c, "echo eating; tail /dev/zero; code=$$?; sleep 1; exit $$code"]
    mem_limit: 16m
    memswap_limit: 16m
"""
ENDS_WITH_3 = """
services:
  web:
    image: {web}
    restart: unless-stopped
  import:
    image: {web}
    restart: "no"
    environment: [TOKEN]
    command: [sh, -c, 'echo "using $$TOKEN"; printf "\\033[31mred\\033[0m \\007bell\\n" >&2; exit 3']
"""
NOTHING = "services: {{web: {{image: {web}, deploy: {{replicas: 0}}}}}}"


@dataclass
class Story:
    """How an app fared: its events, oldest first, and its page at the end."""

    app: AppOnPanel
    events: list[Event]
    page: str

    @property
    def update(self) -> Event:
        """The event of the last deploy that somebody asked for."""
        return [event for event in self.events if event["cause_id"] is None][-1]

    @property
    def rollback(self) -> Event:
        """The only automatic rollback."""
        (rollback,) = [event for event in self.events if event["cause_id"] is not None]
        return rollback

    def service(self, name: str) -> dict[str, Any]:
        """Return what the update says of the only container of service `name`."""
        (service,) = [service for service in self.update["services"] if service["service"] == name]
        return service


@dataclass(frozen=True)
class Script:
    """The content that an app gets after it ran well, or at once, and how its deploys are judged."""

    content: str
    environment: str = ""
    first: bool = False
    verify_timeout: int = 60
    calm_seconds: int = 1
    auto_rollback: bool = False

    def play(self, app: AppOnPanel, registry: Registry, code: int = 0) -> Story:
        """Deploy it all, one after the other."""
        names = {"web": registry.ref("web"), "job": registry.ref("job"), "slow": registry.ref("slow")}
        if not self.first:
            app.deploy(GOOD.format(**names))
            app.settle(
                verify_timeout=str(self.verify_timeout),
                calm_seconds=str(self.calm_seconds),
                **({"auto_rollback": "on"} if self.auto_rollback else {}),
            )
        app.queue(self.content.format(**names, code=code), environment=self.environment)
        # A rollback is queued with the end of its cause: the newest event that has ended is the last one.
        app.journal.wait_for_end(app.slug)
        return Story(app, app.journal.events(app.slug), app.page())


# The long ones first: three run at once.
SCRIPTS: dict[str, Script] = {
    "clean for 5 s": Script(CLEAN_FOR_FIVE_SECONDS, verify_timeout=5, calm_seconds=7, auto_rollback=True),
    "sick after 10 s": Script(SICK_AFTER_TEN_SECONDS, verify_timeout=8, calm_seconds=30),
    "ends with 3": Script(ENDS_WITH_3, f"TOKEN={SECRET}\n", auto_rollback=True),
    "out of memory": Script(HUNGRY, auto_rollback=True),
    "crashing": Script(CRASHING, verify_timeout=2),
    "never healthy": Script(NEVER_HEALTHY, verify_timeout=2),
    "nothing": Script(NOTHING, first=True),
}


def jobs_that_end_well(app: AppOnPanel, registry: Registry) -> Story:
    return Script(JOBS, first=True).play(app, registry)


def a_job_that_never_ended_well(app: AppOnPanel, registry: Registry) -> Story:
    """Deploy an app whose migration fails, then let it go back by itself and deploy it again."""
    Script(JOBS, first=True).play(app, registry, code=3)
    app.settle(auto_rollback="on")
    return Script(JOBS + "# again\n", first=True).play(app, registry, code=3)


STORIES: dict[str, Callable[[AppOnPanel, Registry], Story]] = {
    **{name: script.play for name, script in SCRIPTS.items()},
    "jobs": jobs_that_end_well,
    "failed job": a_job_that_never_ended_well,
}
