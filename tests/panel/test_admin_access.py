"""Who reaches which page of the admin."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Role
from apps.registries.models import RegistryCredential
from tests.accounts.people import make_person
from tests.panel.admin_records import make_credential, make_records

pytestmark = pytest.mark.django_db

RECORDS = (
    "applications_app",
    "applications_composeversion",
    "deployments_deployevent",
    "deployments_deploylog",
)
FOR_ADMINISTRATORS = ("accounts_user", "auth_group", "registries_registrycredential")
SEEING = tuple(Role)


def admin_names() -> list[str]:
    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


@pytest.fixture(autouse=True)
def _records() -> None:
    make_records()
    make_credential()
    make_person("root", Role.ADMINISTRATOR)


def test_it_has_these_pages_and_no_others() -> None:
    assert sorted(admin_names()) == sorted(RECORDS + FOR_ADMINISTRATORS + ("accounts_auditentry",))


def test_it_sends_whoever_is_not_signed_in_to_the_panels_own_page(client: Client) -> None:
    asked = client.get("/admin/deployments/deployevent/")
    assert asked["Location"] == "/admin/login/?next=/admin/deployments/deployevent/"

    page = client.get(asked["Location"], follow=True)

    assert page.redirect_chain[-1] == ("/login/?next=%2Fadmin%2Fdeployments%2Fdeployevent%2F", 302)
    assert "account/login.html" in [template.name for template in page.templates]


def test_it_leads_to_no_other_host_after_the_sign_in(client: Client) -> None:
    assert client.get("/admin/login/?next=https://evil.example/")["Location"] == "/login/?next=%2Fadmin%2F"
    assert client.post("/admin/login/", {"username": "root", "password": "x"})["Location"].startswith(
        "/login/"
    )


def test_a_person_without_a_role_is_refused(client: Client) -> None:
    client.force_login(make_person("nobody"))

    for address in ("/admin/", "/admin/deployments/deployevent/", "/admin/accounts/user/", "/admin/jsi18n/"):
        response = client.get(address, follow=True)
        assert response.status_code == 403, address


@pytest.mark.parametrize("staff", [True, False])
def test_djangos_staff_flag_opens_nothing(client: Client, staff: bool) -> None:
    client.force_login(make_person("staff", is_staff=staff))
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("role", SEEING)
def test_every_role_reads_the_records(client: Client, role: str) -> None:
    client.force_login(make_person("reader", role))

    for name in RECORDS:
        response = client.get(reverse(f"admin:{name}_changelist"))
        assert response.status_code == 200, name
        listed = response.context["cl"].result_list[0]
        for page in ("change", "history"):
            response = client.get(reverse(f"admin:{name}_{page}", args=[listed.pk]))
            assert response.status_code == 200, (name, page)


@pytest.mark.parametrize("role", [*Role][:-1])
def test_others_do_not_learn_which_people_and_registries_there_are(client: Client, role: str) -> None:
    client.force_login(make_person("someone", role))
    for name in FOR_ADMINISTRATORS:
        for page in ("change", "delete", "history"):
            assert client.get(reverse(f"admin:{name}_{page}", args=[4711])).status_code == 403


@pytest.mark.parametrize("role", SEEING)
def test_people_and_registries_are_for_administrators(client: Client, role: str) -> None:
    person = make_person("someone", role)
    client.force_login(person)
    allowed = role == Role.ADMINISTRATOR

    index = client.get("/admin/").content.decode()
    credential = RegistryCredential.objects.get()
    team = Group.objects.create(name="shopkeepers")
    for name, pk in zip(FOR_ADMINISTRATORS, (person.pk, team.pk, credential.pk), strict=True):
        addresses = [
            reverse(f"admin:{name}_changelist"),
            reverse(f"admin:{name}_add"),
            *(reverse(f"admin:{name}_{page}", args=[pk]) for page in ("change", "delete", "history")),
        ]
        assert (addresses[0] in index) is allowed
        for address in addresses:
            assert client.get(address).status_code == (200 if allowed else 403), address
            if not allowed:
                assert client.post(address, {"post": "yes"}).status_code == 403, address
    password_page = reverse("admin:auth_user_password_change", args=[person.pk])
    assert client.get(password_page).status_code == (200 if allowed else 403)
    assert client.get("/admin/accounts/", follow=True).status_code == (200 if allowed else 404)


def test_a_superuser_is_an_administrator(client: Client) -> None:
    client.force_login(make_person("super", is_superuser=True))
    for name in admin_names():
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/admin/registries/registrycredential/?password__startswith=gAAAA",
        "/admin/accounts/user/?password__startswith=md5",
        "/admin/applications/composeversion/?environment__startswith=gAAAA",
        "/admin/deployments/deployevent/?requested_by_user__password__startswith=md5",
        "/admin/deployments/deployevent/?version__environment__startswith=gAAAA",
    ],
)
def test_no_filter_guesses_at_a_secret(client: Client, address: str) -> None:
    client.force_login(make_person("ada", Role.ADMINISTRATOR))
    assert client.get(address).status_code == 400


def test_it_leads_to_the_one_page_where_people_change_their_password(client: Client) -> None:
    client.force_login(make_person("reader", Role.VIEWER))
    assert client.get("/admin/password_change/")["Location"] == "/account/password/"
