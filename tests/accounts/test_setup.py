import threading

import pytest
from django.db import connection
from pytest_django import Settings

from apps.accounts import setup
from apps.accounts.models import Role, User
from apps.accounts.people import administrators
from apps.accounts.policy import Permission, allows
from tests.accounts.people import BY, PASSWORD, make_person

pytestmark = pytest.mark.django_db


def candidate(username: str = "ada") -> User:
    user = User(username=username)
    user.set_password(PASSWORD)
    return user


def test_the_code_follows_from_the_secret_key_and_does_not_show_it(settings: Settings) -> None:
    first = setup.setup_code()
    assert setup.setup_code() == first

    settings.SECRET_KEY = "another key"
    assert setup.setup_code() != first
    assert "another" not in setup.setup_code().lower()
    assert len(setup.setup_code().replace("-", "")) == 20


def test_it_accepts_the_code_as_people_type_it() -> None:
    code = setup.setup_code()

    assert setup.is_setup_code(code)
    assert setup.is_setup_code(f"  {code.lower().replace('-', ' ')} ")
    assert not setup.is_setup_code(code[:-1])
    assert not setup.is_setup_code("")
    assert not setup.is_setup_code("ß" * 20)


def test_the_link_carries_the_code_in_its_fragment() -> None:
    code = setup.setup_code()
    assert setup.setup_link("http://127.0.0.1:8000/") == f"http://127.0.0.1:8000/setup/#{code}"
    assert setup.setup_link("http://127.0.0.1:8000") == f"http://127.0.0.1:8000/setup/#{code}"


def test_there_is_no_link_once_somebody_has_an_account() -> None:
    make_person("ada")
    assert setup.setup_link("http://127.0.0.1:8000") is None


def test_claiming_makes_an_administrator() -> None:
    setup.claim(setup.setup_code(), candidate(), BY)

    ada = User.objects.get()
    assert ada.username == "ada"
    assert ada.role == Role.ADMINISTRATOR
    assert ada.check_password(PASSWORD)
    assert allows(ada, Permission.MANAGE_PEOPLE)


def test_claiming_with_a_wrong_code_makes_nobody() -> None:
    with pytest.raises(setup.WrongCode):
        setup.claim("AAAAA-AAAAA-AAAAA-AAAAA", candidate(), BY)
    assert not User.objects.exists()


def test_a_claimed_panel_is_not_claimed_again() -> None:
    make_person("ada", is_active=False)
    with pytest.raises(setup.AlreadyClaimed):
        setup.claim(setup.setup_code(), candidate("eve"), BY)
    assert User.objects.get().username == "ada"


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_time_make_one_administrator() -> None:
    claims = 6
    start = threading.Barrier(claims)
    refused: list[setup.AlreadyClaimed] = []

    def claim(username: str) -> None:
        user = candidate(username)
        start.wait()
        try:
            setup.claim(setup.setup_code(), user, BY)
        except setup.AlreadyClaimed as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=[f"person{number}"]) for number in range(claims)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert User.objects.count() == 1
    assert len(refused) == claims - 1


def test_the_environment_names_the_first_administrator(settings: Settings) -> None:
    settings.SIMPLEDEPLOY_ADMIN_USERNAME, settings.SIMPLEDEPLOY_ADMIN_PASSWORD = "ada", PASSWORD

    made = setup.admin_from_environment()

    assert made is not None
    assert list(administrators()) == [made]
    assert made.check_password(PASSWORD)


def test_the_environment_changes_nobody_who_is_there(settings: Settings) -> None:
    ada = make_person("ada", Role.VIEWER)
    settings.SIMPLEDEPLOY_ADMIN_USERNAME, settings.SIMPLEDEPLOY_ADMIN_PASSWORD = "ada", "another password 1"

    assert setup.admin_from_environment() is None

    ada.refresh_from_db()
    assert ada.role == Role.VIEWER
    assert ada.check_password(PASSWORD)


def test_an_environment_that_names_nobody_makes_nobody() -> None:
    assert setup.admin_from_environment() is None
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("username", "password", "named"),
    [
        ("ada", "", "SIMPLEDEPLOY_ADMIN_PASSWORD"),
        ("", "s3cret-enough-9", "SIMPLEDEPLOY_ADMIN_USERNAME"),
        ("a da", "s3cret-enough-9", "SIMPLEDEPLOY_ADMIN_USERNAME"),
        ("x" * 151, "s3cret-enough-9", "SIMPLEDEPLOY_ADMIN_USERNAME"),
        ("ada", "12345678", "SIMPLEDEPLOY_ADMIN_PASSWORD"),
    ],
)
def test_it_refuses_a_bad_first_administrator_by_the_variable_and_without_the_password(
    settings: Settings, username: str, password: str, named: str
) -> None:
    settings.SIMPLEDEPLOY_ADMIN_USERNAME, settings.SIMPLEDEPLOY_ADMIN_PASSWORD = username, password

    with pytest.raises(setup.InvalidFirstAdministrator) as refusal:
        setup.admin_from_environment()

    assert named in str(refusal.value)
    assert not password or password not in str(refusal.value)
    assert not User.objects.exists()
