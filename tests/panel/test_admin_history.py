"""Nothing in the admin adds, changes or deletes events, their log or versions, whoever asks."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from apps.accounts.models import Role, User
from apps.applications.models import App, ComposeVersion
from apps.deployments.models import DeployEvent, DeployLog
from tests.accounts.people import make_person
from tests.panel.admin_records import HISTORY, make_credential, make_event, make_records, snapshot

pytestmark = pytest.mark.django_db

EVERYBODY = [*Role.values, "superuser"]


@pytest.fixture(autouse=True)
def _records() -> None:
    make_records()
    make_credential()
    make_person("root", Role.ADMINISTRATOR)


@pytest.fixture(params=EVERYBODY)
def person(request: pytest.FixtureRequest) -> User:
    is_superuser = request.param == "superuser"
    return make_person("person", "" if is_superuser else request.param, is_superuser=is_superuser)


def address(model: type[Model], page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def everything_filled(model: type[Model]) -> dict[str, object]:
    """Return what a form with every field of `model` would send to change it."""
    fields: dict[str, object] = {"_save": "Save", "post": "yes"}
    for field in model._meta.concrete_fields:
        fields[field.name] = 1 if field.is_relation or "Integer" in type(field).__name__ else "changed"
    return fields


@pytest.mark.parametrize("model", HISTORY)
@pytest.mark.parametrize("query", ["", "?_popup=1", "?_popup=1&_to_field=id"])
def test_adding_changing_and_deleting_are_refused(
    client: Client, person: User, model: type[Model], query: str
) -> None:
    before = snapshot()
    client.force_login(person)
    row = model._default_manager.get()
    sent = everything_filled(model) | ({"_popup": "1"} if query else {})

    assert client.get(address(model, "add") + query).status_code == 403
    assert client.post(address(model, "add") + query, sent).status_code == 403
    assert client.post(address(model, "change", row.pk) + query, sent).status_code == 403
    assert (
        client.post(address(model, "change", row.pk) + query, sent | {"_saveasnew": "1"}).status_code == 403
    )
    assert client.get(address(model, "delete", row.pk) + query).status_code == 403
    assert client.post(address(model, "delete", row.pk) + query, sent).status_code == 403
    assert snapshot() == before


@pytest.mark.parametrize("model", HISTORY)
def test_the_list_has_no_bulk_action_and_no_form(client: Client, person: User, model: type[Model]) -> None:
    before = snapshot()
    client.force_login(person)
    row = model._default_manager.get()

    page = client.get(address(model, "changelist"))
    sent = {
        "action": "delete_selected",
        "_selected_action": [row.pk],
        "select_across": "1",
        "index": "0",
        "post": "yes",
        "_save": "Save",
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(row.pk),
        "form-0-status": "failed",
        "form-0-slug": "changed",
    }
    client.post(address(model, "changelist"), sent)

    assert page.context["action_form"] is None
    assert page.context["cl"].formset is None
    assert snapshot() == before


@pytest.mark.parametrize("model", HISTORY)
def test_the_page_of_a_row_has_nothing_to_fill_in(client: Client, person: User, model: type[Model]) -> None:
    client.force_login(person)
    row = model._default_manager.get()

    response = client.get(address(model, "change", row.pk))

    assert response.status_code == 200
    assert list(response.context["adminform"].form.fields) == []
    assert response.context["inline_admin_formsets"] == []
    page = response.content.decode()
    for name in ("_save", "_continue", "_addanother", "_saveasnew"):
        assert f'name="{name}"' not in page
    assert address(model, "delete", row.pk) not in page


def admin_addresses(patterns: list[URLPattern | URLResolver], before: str, pk: str) -> Iterator[str]:
    for pattern in patterns:
        route = str(pattern.pattern)
        for name in pattern.pattern.converters:
            route = route.replace(f"<path:{name}>", pk).replace(f"<int:{name}>", pk).replace(f"<{name}>", pk)
        if isinstance(pattern, URLResolver):
            yield from admin_addresses(pattern.url_patterns, before + route, pk)
        elif "(" not in route:
            yield before + route


@pytest.mark.parametrize("person", ["superuser", Role.ADMINISTRATOR], indirect=True)
def test_no_address_of_the_admin_changes_history_by_any_post(client: Client, person: User) -> None:
    # Whoever may less is refused before: tests/authorization/test_admin.py.
    before = snapshot()
    client.force_login(person)
    sent: dict[str, object] = {"action": "delete_selected", "index": "0", "select_across": "1", "post": "yes"}
    for model in (*HISTORY, App):
        sent = everything_filled(model) | sent
    # An app's name and time limit do change here; that is no history.
    sent |= {"name": before["App"][0]["name"], "verify_timeout": before["App"][0]["verify_timeout"]}
    tried = 0

    for model in (*HISTORY, App):
        pk = str(model._default_manager.get().pk)
        for target in admin_addresses(list(admin.site.urls[0]), "/admin/", pk):
            # One of them signs out.
            if not client.cookies[settings.SESSION_COOKIE_NAME].value:
                client.force_login(person)
            form = urlencode(sent | {"_selected_action": [pk]}, doseq=True)
            client.post(target, form, content_type="application/x-www-form-urlencoded")
            tried += 1

    assert tried > 100
    assert snapshot() == before


def test_removing_a_person_keeps_their_name_in_the_record(client: Client) -> None:
    bob = make_person("bob", Role.DEPLOYER)
    event = make_event(App.objects.get(), requested_by="bob", requested_by_user=bob)
    client.force_login(User.objects.get(username="root"))

    response = client.post(address(User, "delete", bob.pk), {"post": "yes"})

    assert response.status_code == 302
    assert not User.objects.filter(username="bob").exists()
    event.refresh_from_db()
    assert event.requested_by == "bob"
    assert event.requested_by_user is None
    assert (DeployLog.objects.count(), ComposeVersion.objects.count()) == (1, 1)


def test_an_app_is_neither_added_nor_deleted(client: Client, person: User) -> None:
    client.force_login(person)
    app = App.objects.get()

    assert client.post(address(App, "add"), {"slug": "new", "name": "New"}).status_code == 403
    assert client.post(address(App, "delete", app.pk), {"post": "yes"}).status_code == 403
    assert list(App.objects.all()) == [app]


def test_the_shortcut_to_a_page_changes_nothing(client: Client, person: User) -> None:
    client.force_login(person)
    event = DeployEvent.objects.get()
    kind = ContentType.objects.get_for_model(DeployEvent)
    before = snapshot()

    client.get(reverse("admin:view_on_site", args=[kind.pk, event.pk]))

    assert snapshot() == before
