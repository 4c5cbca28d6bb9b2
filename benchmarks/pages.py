"""The time of each main page with many apps and events, against the least that the same server answers.

    python benchmarks/pages.py [--apps 1000] [--events 100000] [--rounds 15]

A real panel on SQLite; no containers run, so that all apps are absent. All addresses are asked in turn,
round after round, by one signed-in administrator. Prints one JSON object:

floors        milliseconds (p50) of /healthz, and of /bare/: a view that renders the empty base template
pages         of each page: p50 and worst in milliseconds, p50 over that of /bare/, and its KB uncompressed
guest         the same for somebody who sees half of the apps by grants on single ones
memory_mib    of the server: before the pages, and after all rounds
sockets       of /ws/apps/ at that many apps: KB of the first frame, with and without knowing it already;
              percent of a core that 1 and 50 of them take while nothing happens, beyond none
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from websockets.sync.client import connect
from websockets.typing import Origin

from tests.lab.http import Client
from tests.lab.panel import PanelProcess, make_template

_IDLE_SECONDS = 5
_SOCKETS = 50
_FILL = """
import datetime, random
from django.contrib.auth.models import Group
from django.utils import timezone
from apps.accounts.models import Grant, User
from apps.applications.models import App, AppTag, ComposeVersion
from apps.core.secret import Secret
from apps.deployments.models import DeployEvent
chance, now = random.Random(7), timezone.now()
yaml = "".join(f"  service-{{n}}:\\n    image: registry.example.com/team/service-{{n}}:1.{{n}}\\n"
    "    restart: always\\n    environment: [A, B, C]\\n" for n in range(12))
apps = App.objects.bulk_create(
    [App(slug=f"app-{{n:04}}", name=f"Application {{n}}", created_by_id=1) for n in range({apps})])
AppTag.objects.bulk_create(
    AppTag(app=app, name=name) for app in apps for name in ("web", f"team-{{app.pk % 20}}"))
versions = ComposeVersion.objects.bulk_create(
    [ComposeVersion(app=app, number=number, yaml=f"services:\\n{{yaml}}# {{number}}\\n",
        environment=Secret(""), sha256=f"{{app.pk}}-{{number}}", author_name="admin",
        note=f"Release {{number}} of {{app.slug}}")
        for app in apps for number in range(1, 11)], batch_size=500)
for start in range(0, len(apps), 500):
    some = apps[start:start + 500]
    for app in some:
        app.current_version = versions[apps.index(app) * 10 + 9]
    App.objects.bulk_update(some, ["current_version"], batch_size=100)
DeployEvent._meta.get_field("queued_at").auto_now_add = False
people = [f"person-{{n}}" for n in range(30)]
names = ("version", "write", "credentials", "pull", "up", "verify", "record")
expected = [{{"service": f"service-{{n}}", "replicas": 1, "one_shot": False, "must_end": False,
    "may_end": False}} for n in range(12)]
services = [{{"service": f"service-{{n}}", "container": f"c-{{n}}", "state": "running", "health": "",
    "exit_code": None, "restarts": 0, "verdict": "running"}} for n in range(12)]
images = {{f"service-{{n}}": {{"image": f"registry.example.com/team/service-{{n}}:1.{{n}}",
    "digest": "sha256:" + "0" * 64}} for n in range(12)}}
def event(number):
    place = chance.randrange(len(apps))
    at = now - datetime.timedelta(minutes=2 * ({events} - number))
    end = at + datetime.timedelta(seconds=chance.expovariate(1 / 20))
    steps = [{{"name": n, "started_at": at.isoformat(), "finished_at": end.isoformat(), "exit_code": 0}}
        for n in names]
    status = chance.choices(("succeeded", "failed", "unstable", "cancelled"), (90, 5, 3, 2))[0]
    return DeployEvent(app=apps[place], slug=apps[place].slug, status=status, steps=steps, step="record",
        action=chance.choices(("deploy", "restart", "stop", "start", "rollback"), (70, 10, 8, 8, 4))[0],
        version=versions[place * 10 + chance.randrange(10)], requested_by=chance.choice(people),
        requested_from="web 192.0.2.7", queued_at=at, started_at=at, finished_at=end, expected=expected,
        services=services, images=images, output_tail="Container started\\n" * 100)
for start in range(0, {events}, 2000):
    some = [event(n) for n in range(start, min(start + 2000, {events}))]
    DeployEvent.objects.bulk_create(some, batch_size=500)
guest = User.objects.create_user("guest", password="guest-of-half-the-apps")
Grant.objects.bulk_create(
    Grant(user=guest, app=app, role="operator", given_by="admin") for app in apps[::2])
"""

PAGES = {
    "apps": "/",
    "apps, worst state first": "/?sort=state&size=100",
    "apps, last change": "/?sort=changed&page=3",
    "apps, search": "/?q=service-3+team-7",
    "apps, row": "/apps/app-0007/row/",
    "app": "/apps/app-0007/",
    "editor": "/apps/app-0007/edit/",
    "versions": "/apps/app-0007/versions/",
    "version": "/apps/app-0007/versions/3/",
    "settings": "/apps/app-0007/settings/",
    "access": "/apps/app-0007/access/",
    "events": "/events/",
    "events, deep": "/events/?before={half}",
    "events of an app": "/events/?app=app-0007",
    "events of a person": "/events/?person=person-3",
    "events that failed": "/events/?status=failed",
    "events, a day long ago": "/events/?since=2026-08-01&until=2026-08-01",
    "events, all at once": "/events/?person=person-3&action=stop&status=failed&text=Release+3",
    "events, nothing fits": "/events/?text=no+such+note",
    "event": "/events/{half}/",
    "registries": "/registries/",
    "account": "/account/",
    "new app": "/apps/new/",
    "admin, events": "/admin/deployments/deployevent/",
}
FLOORS = {"healthz": "/healthz", "bare": "/bare/"}
OF_GUEST = ("apps", "apps, worst state first", "events", "events, deep", "events that failed")


@contextlib.contextmanager
def filled_panel(apps: int, events: int) -> Iterator[PanelProcess]:
    """Start a panel with so many apps and events."""
    with tempfile.TemporaryDirectory(prefix="simpledeploy-bench-") as name:
        folder = Path(name)
        environment = {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_site.settings"}
        panel = PanelProcess(folder / "panel", make_template(folder / "template"), environment)
        try:
            panel.manage("shell", "-c", _FILL.format(apps=apps, events=events), check=True, timeout=1200)
            yield panel.start()
        finally:
            panel.clean_up()


def measure(client: Client, addresses: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each address in each round; the first one does not count."""
    times: dict[str, list[float]] = {name: [] for name in addresses}
    for number in range(rounds + 1):
        for name, address in addresses.items():
            start = time.perf_counter()
            answer = client.get(address)
            took = (time.perf_counter() - start) * 1000
            assert answer.status == 200, f"{address}: {answer.status}"
            if number:
                times[name].append(took)
    return times


def figures(times: list[float], floor: float) -> dict[str, float]:
    p50 = statistics.median(times)
    return {"p50": round(p50, 1), "worst": round(max(times), 1), "of_bare": round(p50 / floor, 1)}


def measure_sockets(panel: PanelProcess) -> dict[str, Any]:
    """Return what /ws/apps/ costs."""
    cookie, process = panel.client().cookie_header(), psutil.Process(panel.pid)

    def opened(query: str = "") -> Any:
        return connect(
            f"{panel.url.replace('http', 'ws')}/ws/apps/{query}",
            origin=Origin(panel.url),
            additional_headers={"Cookie": cookie},
            max_size=None,
            compression=None,
        )

    def percent() -> float:
        process.cpu_percent(interval=None)
        return process.cpu_percent(_IDLE_SECONDS)

    idle, cpu = percent(), {}
    with contextlib.ExitStack() as sockets:
        one = sockets.enter_context(opened())
        first = last = one.recv()
        cpu["1"] = round(percent() - idle, 1)
        with contextlib.suppress(TimeoutError):
            while True:
                last = one.recv(timeout=0)
        known = json.loads(last)["known"]
        again = sockets.enter_context(opened(f"?known={known}")).recv()
        for _ in range(_SOCKETS - 2):
            sockets.enter_context(opened(f"?known={known}"))
        cpu[str(_SOCKETS)] = round(percent() - idle, 1)
    return {"first_kb": round(len(first) / 1024, 1), "known_kb": round(len(again) / 1024, 1), "cpu": cpu}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    wanted = parser.parse_args()
    with filled_panel(wanted.apps, wanted.events) as panel:
        process = psutil.Process(panel.pid)
        memory = [process.memory_info().rss >> 20]
        client, guest = panel.client(), panel.client("guest", "guest-of-half-the-apps")
        pages = {name: address.format(half=wanted.events // 2) for name, address in PAGES.items()}
        times = measure(client, FLOORS | pages, wanted.rounds)
        of_guest = measure(guest, {name: pages[name] for name in OF_GUEST}, wanted.rounds)
        sizes = {
            name: round(len(client.get(address).text.encode()) / 1024) for name, address in pages.items()
        }
        memory.append(process.memory_info().rss >> 20)
        sockets = measure_sockets(panel)
    bare = statistics.median(times["bare"])
    found = {
        "apps": wanted.apps,
        "events": wanted.events,
        "floors": {name: round(statistics.median(times[name]), 1) for name in FLOORS},
        "pages": {name: figures(times[name], bare) | {"kb": sizes[name]} for name in pages},
        "guest": {name: figures(some, bare) for name, some in of_guest.items()},
        "memory_mib": memory,
        "sockets": sockets,
    }
    print(json.dumps(found, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
