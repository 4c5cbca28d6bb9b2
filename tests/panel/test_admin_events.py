"""The list of events in the admin, its CSV export, and the page of one event."""

import csv
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Role
from apps.applications.models import App
from apps.deployments.csv_export import COLUMNS, safe_cell
from apps.deployments.models import DeployEvent
from tests.accounts.people import make_person
from tests.panel.admin_records import NOON, make_app, make_chunk, make_event, make_version

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/deployevent/"
EXPORT = f"{LIST}export/"


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(make_person("vic", Role.VIEWER))
    return client


def exported(query: str = "") -> str:
    """Return the CSV file that the ASGI server would send for `query`."""
    person = make_person("reader", Role.VIEWER)

    async def fetch() -> str:
        client = AsyncClient()
        await client.aforce_login(person)
        response: Any = await client.get(f"{EXPORT}{query}")
        assert response.status_code == 200
        assert isinstance(response, StreamingHttpResponse)
        assert response.is_async
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert re.fullmatch(
            r'attachment; filename="simpledeploy-events-[0-9-]+\.csv"', response["Content-Disposition"]
        )
        return b"".join([part async for part in response]).decode()

    return async_to_sync(fetch)()


def export(query: str = "") -> list[dict[str, str]]:
    """Return the rows of that file."""
    rows = list(csv.DictReader(StringIO(exported(query))))
    for row in rows:
        assert tuple(row) == COLUMNS
    return rows


def listed(client: Client, query: str) -> list[int]:
    response = client.get(LIST + query)
    assert response.status_code == 200, query
    return [event.pk for event in response.context["cl"].result_list]


@pytest.fixture
def events() -> dict[str, DeployEvent]:
    web, mail = make_app("web"), make_app("mail", name="Post office")
    return {
        "first": make_event(web, at=NOON),
        "failed": make_event(web, at=NOON + timedelta(days=1), status="failed", error="The pull failed."),
        "stop": make_event(mail, at=NOON + timedelta(days=40), action="stop", requested_by="bob"),
        "today": make_event(
            mail, at=timezone.now(), action="rollback", requested_by="bob", requested_from="command line"
        ),
    }


FILTERS = [
    ("", ["today", "stop", "failed", "first"]),
    ("?slug=web", ["failed", "first"]),
    ("?action__exact=stop", ["stop"]),
    ("?status__exact=failed", ["failed"]),
    ("?person=bob", ["today", "stop"]),
    ("?queued_at__year=2026&queued_at__month=3", ["failed", "first"]),
    ("?queued_at__year=2026&queued_at__month=3&queued_at__day=15", ["failed"]),
    ("?queued_at__gte=2026-04-01T00:00:00Z", ["today", "stop"]),
    ("?q=pull+failed", ["failed"]),
    ("?q=office", ["today", "stop"]),
    ("?q=command+line", ["today"]),
    ("?q=nothing", []),
    ("?slug=mail&person=bob&action__exact=stop&q=office", ["stop"]),
    ("?slug=gone", []),
    ("?o=0", ["first", "failed", "stop", "today"]),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_the_list_and_the_export_hold_the_same_selection(
    viewer: Client, events: dict[str, DeployEvent], query: str, expected: list[str]
) -> None:
    pks = [events[name].pk for name in expected]

    assert listed(viewer, query) == pks
    assert [int(row["id"]) for row in export(query)] == pks


def test_it_finds_an_event_by_its_number(viewer: Client, events: dict[str, DeployEvent]) -> None:
    assert listed(viewer, f"?q={events['stop'].pk}") == [events["stop"].pk]


def test_it_offers_the_filters(viewer: Client, events: dict[str, DeployEvent]) -> None:
    response = viewer.get(LIST)
    titles = [spec.title for spec in response.context["cl"].filter_specs]

    assert titles == ["app", "action", "status", "person", "queued at"]
    assert f'href="{EXPORT}?"' in response.content.decode()
    assert f'href="{EXPORT}?slug=web"' in viewer.get(f"{LIST}?slug=web").content.decode()


def test_what_is_typed_into_a_filter_keeps_the_others(viewer: Client, events: dict[str, DeployEvent]) -> None:
    page = viewer.get(f"{LIST}?person=bob&action__exact=stop&p=1").content.decode()
    forms = re.findall(r'<form class="typed-filter".*?</form>', page, re.DOTALL)
    of_app, of_person = [re.findall(r'name="([^"]+)" value="([^"]*)"', form) for form in forms]
    assert sorted(of_app) == [("action__exact", "stop"), ("person", "bob"), ("slug", "")]
    assert sorted(of_person) == [("action__exact", "stop"), ("person", "bob")]


def test_a_date_that_is_none_gets_no_error_page(viewer: Client, events: dict[str, DeployEvent]) -> None:
    for address in (LIST, EXPORT):
        response = viewer.get(f"{address}?queued_at__gte=yesterday")
        assert response.status_code == 302
        assert viewer.get(response["Location"]).status_code == 200


@pytest.mark.parametrize("query", ["?o=x.y", "?p=99999", "?e=1"])
def test_odd_questions_get_every_event(viewer: Client, events: dict[str, DeployEvent], query: str) -> None:
    assert viewer.get(LIST + query, follow=True).status_code == 200
    assert len(export(query)) == len(events)


def test_the_list_takes_the_same_number_of_queries_for_many_events(viewer: Client) -> None:
    app = make_app()
    version = make_version(app)
    counts = []
    for _round in range(2):
        for number in range(25):
            make_event(app, version=version, requested_by=f"person{number}")
        viewer.get(LIST)
        with CaptureQueriesContext(connection) as queries:
            assert len(listed(viewer, "")) >= 25
        for text in ('"yaml"', '"output_tail"'):
            assert not any(text in query["sql"] for query in queries), "a list loads no long texts"
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 8


def test_the_list_is_no_longer_for_all_the_apps_and_people_that_it_does_not_show(viewer: Client) -> None:
    make_event(make_app("shown"))
    few = len(viewer.get(LIST).content)
    apps = App.objects.bulk_create(App(slug=f"other-{number}", name="Other") for number in range(300))
    DeployEvent.objects.bulk_create(
        DeployEvent(app=app, slug=app.slug, action="deploy", requested_by=f"ada-{app.slug}") for app in apps
    )
    assert len(viewer.get(f"{LIST}?slug=shown").content) < few + 3000


def test_the_export_holds_every_page(viewer: Client) -> None:
    app = make_app()
    many = 1203
    DeployEvent.objects.bulk_create(
        DeployEvent(app=app, slug="web", action="deploy", requested_by="ada") for _number in range(many)
    )
    make_event(make_app("mail"))

    rows = export("?slug=web")

    ids = [int(row["id"]) for row in rows]
    assert len(ids) == many
    assert ids == sorted(set(ids), reverse=True)
    assert len(listed(viewer, "")) == 50


def test_the_export_loads_no_long_texts_and_few_rows_at_once() -> None:
    app = make_app()
    version = make_version(app)
    events = DeployEvent.objects.bulk_create(
        DeployEvent(app=app, slug="web", action="deploy", requested_by="ada", version=version)
        for _number in range(501)
    )

    with CaptureQueriesContext(connection) as queries:
        rows = export()

    assert len(rows) == len(events)
    assert sum('"deploy_events"."id" IN (' in query["sql"] for query in queries) == 2
    for name in ("yaml", "output_tail", "plan", "services"):
        assert not any(f'"{name}"' in query["sql"] for query in queries), name


def test_the_export_writes_every_column() -> None:
    app = make_app()
    event = make_event(
        app,
        version=make_version(app, 7),
        action="scale",
        arguments={"scale": {"web": 3}},
        status="failed",
        step="up",
        exit_code=-15,
        error='No "network",\nsaid Compose.',
        requested_from="web 192.0.2.1",
        approval="given",
        approval_by="eve",
        approval_note="fine",
        cancel_requested_by="bob",
    )

    assert export() == [
        {
            "id": str(event.pk),
            "app": "web",
            "action": "scale",
            "arguments": '{"scale": {"web": 3}}',
            "version": "7",
            "status": "failed",
            "step": "up",
            "exit_code": "-15",
            "error": 'No "network",\nsaid Compose.',
            "requested_by": "ada",
            "requested_from": "web 192.0.2.1",
            "approval": "given",
            "approval_by": "eve",
            "approval_note": "fine",
            "cancel_requested_by": "bob",
            "queued_at": NOON.isoformat(),
            "started_at": NOON.isoformat(),
            "finished_at": (NOON + timedelta(seconds=2.5)).isoformat(),
            "seconds": "2.5",
            "cause": "",
        }
    ]


@pytest.mark.parametrize(
    "text",
    [*(f"{start}1+1" for start in "=+-@\t\r\n＝＋－＠"), "@SUM(A1)", "  =1", "=cmd|' /C calc'!A0"],
)
def test_no_text_in_the_export_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    make_event(make_app(), requested_by=text[:150], error=text)
    (row,) = export()
    assert row["requested_by"] == f"'{text}"
    assert row["error"] == f"'{text}"


def test_no_text_in_the_export_is_a_formula_where_semicolons_separate() -> None:
    """As a spreadsheet reads it whose language writes 1,5: there, too, no cell begins with what is run."""
    text = "x;=1+1;\t@A1\n-2;  ＝3\r+4; ok;-; a-b"
    make_event(make_app(), error=text)
    cells = [cell for row in csv.reader(exported().splitlines(), delimiter=";") for cell in row]
    assert len(cells) > 6
    assert [cell for cell in cells if cell.lstrip(" \t").startswith(tuple("=+-@＝＋－＠"))] == []
    assert safe_cell("kept; as it is, a=b\nand a;b") == "kept; as it is, a=b\nand a;b"


@pytest.mark.parametrize(
    ("value", "cell"), [(None, ""), (0, 0), (-15, -15), (True, "True"), ("a=b", "a=b"), ("", "")]
)
def test_other_cells_stay_as_they_are(value: object, cell: object) -> None:
    assert safe_cell(value) == cell


def test_the_export_is_for_those_who_may_see(client: Client) -> None:
    make_event(make_app())
    assert client.get(EXPORT)["Location"].startswith("/admin/login/")
    client.force_login(make_person("nobody"))
    assert client.get(EXPORT, follow=True).status_code == 403


def test_the_page_of_an_event_shows_how_it_went(viewer: Client) -> None:
    app = make_app()
    event = make_event(
        app,
        version=make_version(app),
        arguments={"scale": {"web": 3}},
        status="failed",
        step="pull",
        exit_code=18,
        error="The registry refused.",
        steps=[
            {"name": "write", "started_at": "2026-03-14T12:00:00Z", "finished_at": "…", "exit_code": 0},
            {"name": "pull", "started_at": "2026-03-14T12:00:01Z", "finished_at": None, "exit_code": 18},
        ],
        services=[
            {
                "service": "web",
                "container": "web-web-1",
                "state": "exited",
                "exit_code": 3,
                "verdict": "failed",
                "reason": "exited with 3",
                "log": ["<i>no table</i>", "bye"],
            }
        ],
        cause=make_event(app),
        images={"web": {"image": "registry.example.com/web:1", "digest": "sha256:feed"}},
        plan={
            "summary": "recreate web (image)",
            "services": [
                {
                    "service": "web",
                    "action": "recreate",
                    "reasons": [{"key": "image", "text": "image: nginx:1 → <b>nginx:2</b>"}],
                    "containers": [],
                    "now": 1,
                    "wanted": 1,
                    "image": "nginx:2",
                }
            ],
        },
        output_tail="Pulling web\n<script>alert(1)</script>\n",
    )

    page = viewer.get(reverse("admin:deployments_deployevent_change", args=[event.pk])).content.decode()

    assert "<td>write</td><td>2026-03-14T12:00:00Z</td><td>…</td><td>0</td>" in page
    assert "<td>pull</td><td>2026-03-14T12:00:01Z</td><td></td><td>18</td>" in page
    assert "<td>exited</td>" in page
    assert "<td>exited with 3</td>" in page
    assert '<p>web-web-1</p><pre class="record">&lt;i&gt;no table&lt;/i&gt;\nbye</pre>' in page
    assert f"#{event.cause_id} deploy web" in page
    assert "<td>sha256:feed</td>" in page
    assert "<td>web</td><td>recreate</td><td>image: nginx:1 → &lt;b&gt;nginx:2&lt;/b&gt;</td>" in page
    assert "Pulling web\n&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "The registry refused." in page
    assert "2026-03-14 12:00:02 UTC" in page
    assert reverse("event", args=[event.pk]) in page


def test_the_page_of_a_new_event_is_readable(viewer: Client) -> None:
    app = make_app()
    event = DeployEvent.objects.create(app=app, slug="web", action="deploy", requested_by="ada")
    response = viewer.get(reverse("admin:deployments_deployevent_change", args=[event.pk]))
    assert response.status_code == 200


def test_log_lines_are_readable(viewer: Client) -> None:
    chunk = make_chunk(make_event(make_app()), 1, "Pulling web", "<b>bold</b>")
    page = viewer.get(reverse("admin:deployments_deploylog_change", args=[chunk.pk])).content.decode()
    assert "stdout Pulling web\n" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_the_list_of_log_lines_takes_the_same_number_of_queries(viewer: Client) -> None:
    event = make_event(make_app())
    counts = []
    for first in (1, 100):
        for offset in range(20):
            make_chunk(event, first + offset)
        address = reverse("admin:deployments_deploylog_changelist")
        viewer.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert viewer.get(address).status_code == 200
        assert not any('"lines"' in query["sql"] for query in queries)
        counts.append(len(queries))
    assert counts[0] == counts[1]
