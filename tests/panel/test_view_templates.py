"""The gallery: starting an app from a template, and the templates that a team saves."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apps.accounts.models import Role, User
from apps.applications import environment
from apps.applications.gallery import own, sealed
from apps.applications.gallery.builtin import BUILTIN
from apps.applications.models import App, AppTemplate
from apps.core.secret import MASK
from tests.accounts.people import make_person
from tests.panel.fake_engine import FakeEngine
from tests.panel.pages import YAML, make_app, make_version, text

pytestmark = pytest.mark.django_db
Person = Callable[[str], User]
REDIS = {"variable-LISTEN": "127.0.0.1", "variable-PORT": "6390", "variable-MAX_MEMORY": "64mb"}
WITH_VALUES = "services:\n  web:\n    image: nginx:${TAG}\n    environment: [API_TOKEN]\n"


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def rows(*variables: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"variables-TOTAL_FORMS": len(variables), "variables-INITIAL_FORMS": 0}
    for number, variable in enumerate(variables):
        told = {"kind": "text", "label": "", "default": ""} | variable
        fields |= {f"variables-{number}-{name}": value for name, value in told.items()}
    return fields


def test_the_gallery_leads_to_every_template(client: Client, person: Person) -> None:
    person(Role.DEPLOYER)
    page = text(client, "/templates/")
    for template in BUILTIN:
        assert f'href="/templates/{template.key}/"' in page
        assert str(template.name) in text(client, f"/templates/{template.key}/")
    assert client.get("/templates/no-such/").status_code == 404


def test_a_filled_form_opens_the_editor_and_its_secret_is_deployed_unseen(
    client: Client, person: Person, fake_engine: FakeEngine
) -> None:
    person(Role.DEPLOYER)

    page = client.post("/templates/redis/", REDIS).content.decode()

    assert f"REDIS_PASSWORD={MASK}" in page
    assert "PORT=6390" in page
    seal = hidden(page, "sealed")
    secret = environment.values(sealed.opened(seal))["REDIS_PASSWORD"]
    assert re.fullmatch(r"[\w-]{32}", secret)
    assert secret not in page
    typed = {
        "slug": "cache",
        "compose": YAML,
        "environment": f"PORT=6391\r\nREDIS_PASSWORD={MASK}\r\n",
        "sealed": seal,
    }
    planned = client.post("/apps/new/", typed | {"intent": "plan"}).content.decode()
    assert "What the deploy will do" in planned
    assert secret not in planned
    assert client.post("/apps/new/", typed | {"intent": "deploy"}).status_code == 302
    stored = App.objects.get(slug="cache").versions.get()
    assert environment.values(stored.environment.reveal()) == {"PORT": "6391", "REDIS_PASSWORD": secret}
    # Another form gets another secret.
    again = client.post("/templates/redis/", REDIS).content.decode()
    assert environment.values(sealed.opened(hidden(again, "sealed")))["REDIS_PASSWORD"] != secret


@pytest.mark.parametrize("broken", ["x", "of-something-else", "old"])
def test_a_seal_that_does_not_hold_says_so(
    client: Client, person: Person, fake_engine: FakeEngine, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.DEPLOYER)
    version = make_version(make_app(), YAML, "KEY=hunter2\n")
    if broken == "of-something-else":
        broken = version.environment.token()
    elif broken == "old":
        monkeypatch.setattr(sealed, "_SECONDS", -1)
        broken = sealed.seal("KEY=hunter2\n")

    typed = {"slug": "cache", "compose": YAML, "environment": f"KEY={MASK}", "sealed": broken}
    response = client.post("/apps/new/", typed)

    assert response.status_code == 400
    assert "Start from the template again." in response.content.decode()
    assert not App.objects.filter(slug="cache").exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("PORT", "0", "A port is a number"),
        ("PORT", "70000", "A port is a number"),
        ("PORT", "", "Type a value."),
        ("LISTEN", "10.0.0.1", "none of the choices"),
        ("MAX_MEMORY", "lots", "the form that is asked for"),
        ("MAX_MEMORY", "1mb\u202e", "not shown as it is"),
    ],
)
def test_a_wrong_answer_is_told_at_its_field(
    client: Client, person: Person, field: str, value: str, said: str
) -> None:
    person(Role.DEPLOYER)
    response = client.post("/templates/redis/", REDIS | {f"variable-{field}": value})
    assert response.status_code == 400
    assert said in response.content.decode()


def test_a_template_is_saved_without_any_value(client: Client, person: Person) -> None:
    deb = person(Role.DEPLOYER)
    app = make_app()
    version = make_version(app, WITH_VALUES, "TAG=1.28-secretly\nAPI_TOKEN=hunter2\n")
    App.objects.filter(pk=app.pk).update(current_version=version)

    page = text(client, "/apps/shop/template/")
    assert 'value="API_TOKEN"' in page
    assert '<option value="secret" selected>' in page
    assert "hunter2" not in page
    assert "secretly" not in page

    typed = {"name": "Ours", "description": "As we do it", "team": "", "compose": WITH_VALUES}
    saved = client.post(
        "/apps/shop/template/",
        typed
        | rows({"name": "TAG", "default": "1.29"}, {"name": "API_TOKEN", "kind": "secret"}, {"name": ""}),
    )

    assert saved.status_code == 302
    template = AppTemplate.objects.get()
    assert (template.made_by_user, template.made_by) == (deb, deb.username)
    assert [(one["name"], one["kind"], one["default"]) for one in template.variables] == [
        ("TAG", "text", "1.29"),
        ("API_TOKEN", "secret", ""),
    ]
    assert "Ours" in text(client, "/templates/")
    editor = client.post(f"/templates/own/{template.pk}/", {"variable-TAG": "1.30", "filled": "1"})
    assert f"TAG=1.30\nAPI_TOKEN={MASK}" in editor.content.decode()


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ({"name": "NO NAME"}, "is no name for a variable"),
        ({"name": "PATH"}, "is no name for a variable"),
        ({"name": "KEY", "kind": "secret", "default": "hunter2"}, "a template holds none"),
        ({"name": "KEY", "kind": "odd"}, "Select a valid choice"),
        ({"name": "PORT", "kind": "port", "default": "80a"}, "The default of PORT: A port is a number"),
    ],
)
def test_what_makes_no_template_is_refused(
    client: Client, person: Person, variable: dict[str, str], said: str
) -> None:
    person(Role.DEPLOYER)
    make_app()
    response = client.post("/apps/shop/template/", {"name": "x", "compose": YAML} | rows(variable))
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not AppTemplate.objects.exists()


def test_a_team_sees_its_own_templates_and_each_changes_theirs(client: Client, person: Person) -> None:
    deb = person(Role.DEPLOYER)
    ops, web = Group.objects.create(name="ops"), Group.objects.create(name="web")
    deb.groups.add(web)
    for name, team in (("of ops", ops), ("of web", web), ("of all", None)):
        AppTemplate.objects.create(name=name, yaml=YAML, team=team, made_by="root")
    mine = AppTemplate.objects.create(name="mine", yaml=YAML, made_by="deb", made_by_user=deb)

    page = text(client, "/templates/")

    assert "of ops" not in page
    assert all(name in page for name in ("of web", "of all", "mine"))
    assert page.count("/edit/") == 1
    other = AppTemplate.objects.get(name="of all")
    hidden_one = AppTemplate.objects.get(name="of ops")
    for path in ("", "edit/", "remove/"):
        assert client.get(f"/templates/own/{hidden_one.pk}/{path}").status_code == 404
    assert client.post(f"/templates/own/{other.pk}/remove/").status_code == 403
    changed = {"name": "mine now", "compose": YAML, "team": str(web.pk)}
    assert client.post(f"/templates/own/{mine.pk}/edit/", changed | rows()).status_code == 302
    assert (
        client.post(f"/templates/own/{mine.pk}/edit/", changed | {"team": str(ops.pk)} | rows()).status_code
        == 400
    )
    mine.refresh_from_db()
    assert (mine.name, mine.team) == ("mine now", web)

    # Who leaves the team does not give its template to everybody by changing a word of it.
    deb.groups.remove(web)
    page = text(client, f"/templates/own/{mine.pk}/edit/")
    assert f'<option value="{web.pk}" selected>web</option>' in page
    assert client.post(f"/templates/own/{mine.pk}/edit/", changed | {"name": "x"} | rows()).status_code == 302
    mine.refresh_from_db()
    assert (mine.name, mine.team) == ("x", web)
    client.force_login(make_person("olga", Role.OWNER))
    assert client.post(f"/templates/own/{mine.pk}/remove/").status_code == 302
    assert not AppTemplate.objects.filter(pk=mine.pk).exists()


def test_nobody_saves_over_what_they_have_not_seen(client: Client, person: Person) -> None:
    deb = person(Role.DEPLOYER)
    mine = AppTemplate.objects.create(name="mine", yaml=YAML, made_by="deb", made_by_user=deb)
    address = f"/templates/own/{mine.pk}/edit/"
    typed = {"compose": YAML, "team": "", "seen": hidden(text(client, address), "seen")} | rows()
    assert client.post(address, typed | {"name": "first"}).status_code == 302

    refused = client.post(address, typed | {"name": "second"})

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "Somebody else changed first while you were writing." in page
    assert 'value="second"' in page
    assert AppTemplate.objects.get().name == "first"
    assert client.post(address, typed | {"name": "second", "seen": hidden(page, "seen")}).status_code == 302
    assert AppTemplate.objects.get().name == "second"


def test_a_template_that_is_deleted_while_it_is_changed_stays_deleted(
    client: Client, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    deb = person(Role.DEPLOYER)
    mine = AppTemplate.objects.create(name="mine", yaml=YAML, made_by="deb", made_by_user=deb)
    real = own.line_of_text

    def delete_first(*args: Any) -> str:
        AppTemplate.objects.all().delete()
        return real(*args)

    monkeypatch.setattr(own, "line_of_text", delete_first)
    typed = {"name": "mine now", "compose": YAML, "team": ""} | rows()
    response = client.post(f"/templates/own/{mine.pk}/edit/", typed)
    assert response.status_code == 404
    assert 'value="mine now"' in response.content.decode()
    assert not AppTemplate.objects.exists()


def test_many_templates_take_as_many_queries_as_one(
    client: Client, person: Person, django_assert_num_queries: Any
) -> None:
    deb = person(Role.DEPLOYER)
    team = Group.objects.create(name="web")
    deb.groups.add(team)
    for number in range(20):
        AppTemplate.objects.create(name=f"t{number}", yaml=YAML, made_by="root", team=team)
    with django_assert_num_queries(4):  # session, person, grants; templates with their teams
        client.get("/templates/")
