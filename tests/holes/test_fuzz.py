"""What nobody would think of, typed into pages: no error of the panel, and nothing half done.

`benchmarks/fuzz.py` does the same for as long as it is let, against a panel that runs.
"""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.applications.content import Content, InvalidContent
from apps.applications.slugs import InvalidSlug, validate_slug
from apps.registries.references import InvalidRegistryHost, normalise_host
from tests.authorization.things import Things
from tests.holes.hostile import rows
from tests.panel.pages import YAML

pytestmark = pytest.mark.django_db

# Django's client cannot send half a surrogate pair, and no browser does.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
NEARLY_YAML = st.one_of(
    TEXT,
    st.text("{}[]:,&*!|>'\"%@`#-? \n\tabc<0", max_size=120),
    st.builds("services:\n  {}: {}\n".format, TEXT, TEXT),
    st.builds(f"{YAML}    {{}}: {{}}\n".format, TEXT, TEXT),
)
few = settings(
    max_examples=20,
    # The stand-in for the engine is no Compose: chance is for the benchmark, which has a real one.
    derandomize=True,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@few
@given(slug=TEXT, compose=NEARLY_YAML, environment=TEXT, note=TEXT)
def test_a_new_app(
    client: Client, things: Things, slug: str, compose: str, environment: str, note: str
) -> None:
    # Otherwise most of it would meet the limit of requests, and nothing else.
    cache.clear()
    for intent in ("plan", ""):
        before = rows()
        form = {"slug": slug, "compose": compose, "environment": environment, "note": note, "intent": intent}
        response = client.post("/apps/new/", form)
        assert response.status_code < 500
        if response.status_code != 302:
            assert rows() == before


@few
@given(host=TEXT, username=TEXT, password=TEXT, only=TEXT)
def test_a_registry(
    client: Client, things: Things, host: str, username: str, password: str, only: str
) -> None:
    cache.clear()
    before = rows()
    form = {"host": host, "username": username, "password": password, "only_apps": only}
    response = client.post("/registries/add/", form)
    assert response.status_code < 500
    if response.status_code != 302:
        assert rows() == before


@few
@given(service=TEXT, number=TEXT | st.integers().map(str), confirm=TEXT, project=TEXT)
def test_the_forms_of_an_app(
    client: Client, things: Things, service: str, number: str, confirm: str, project: str
) -> None:
    cache.clear()
    before = rows()
    answers = [
        client.post("/apps/own/scale/", {"service": service, "number": number}),
        client.post("/apps/own/remove/", {"confirm": confirm}),
        client.get(f"/apps/{quote(confirm, safe='')}/"),
        client.get("/apps/own/versions/", {"from": number, "to": service}),
        client.get("/events/", {"app": service, "status": confirm, "action": project, "page": number}),
    ]
    assert all(answer.status_code < 500 for answer in answers)
    if not any(answer.status_code == 302 for answer in answers[:2]):
        assert rows() == before


@settings(max_examples=200, deadline=timedelta(seconds=5))
@given(text=TEXT)
def test_a_name_is_taken_as_it_is_or_refused(text: str) -> None:
    try:
        assert validate_slug(text) == text
    except InvalidSlug:
        pass
    else:
        assert text.isascii()
        assert not text.startswith("-")
    try:
        host = normalise_host(text)
    except InvalidRegistryHost:
        return
    assert host.isascii()
    assert not set(host) & set(" /@$`;'\"\\\x00\n")


@settings(max_examples=150, deadline=timedelta(seconds=5))
@given(compose=NEARLY_YAML, environment=TEXT)
def test_a_content_is_read_or_refused_in_a_sentence(compose: str, environment: str) -> None:
    problems = []
    try:
        assert Content.read(compose, environment).yaml == compose
    except InvalidContent as error:
        problems = [problem.message for problem in error.problems] or [""]
    assert all(problems)
