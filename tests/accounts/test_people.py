import threading
from itertools import product

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from apps.accounts.models import Role, User
from apps.accounts.people import (
    HasHistory,
    LastAdministrator,
    administrators,
    is_last_administrator,
    remove_person,
    require_another_administrator,
)
from apps.accounts.policy import Permission, allows
from tests.accounts.people import BY, ROLES, make_person


@pytest.mark.django_db
def test_it_counts_as_administrators_whom_the_policy_lets_manage_people() -> None:
    for number, (role, superuser, active) in enumerate(product(ROLES, (True, False), (True, False))):
        make_person(f"person{number}", role, is_superuser=superuser, is_active=active)

    by_policy = {user for user in User.objects.all() if allows(user, Permission.MANAGE_PEOPLE)}

    assert set(administrators()) == by_policy
    assert 0 < len(by_policy) < User.objects.count()


@pytest.mark.django_db
def test_it_knows_the_last_administrator() -> None:
    ada = make_person("ada", Role.ADMINISTRATOR)
    make_person("off", Role.ADMINISTRATOR, is_active=False)
    dora = make_person("dora", Role.DEPLOYER)

    assert is_last_administrator(ada)
    assert not is_last_administrator(dora)

    make_person("root", is_superuser=True)
    assert not is_last_administrator(ada)


@pytest.mark.django_db
def test_it_does_not_remove_the_last_administrator() -> None:
    ada = make_person("ada", Role.ADMINISTRATOR)

    with pytest.raises(LastAdministrator, match="ada is the last administrator"), transaction.atomic():
        remove_person(ada, BY)

    assert User.objects.filter(username="ada").exists()


@pytest.mark.django_db
def test_it_removes_an_administrator_beside_whom_there_is_another() -> None:
    make_person("ada", Role.ADMINISTRATOR)
    bob = make_person("bob", Role.ADMINISTRATOR)

    remove_person(bob, BY)

    assert list(User.objects.values_list("username", flat=True)) == ["ada"]


@pytest.mark.django_db
def test_it_keeps_the_account_that_the_record_of_changes_names() -> None:
    make_person("ada", Role.ADMINISTRATOR)
    bob = make_person("bob")
    LogEntry.objects.create(
        user=bob,
        content_type=ContentType.objects.get_for_model(User),
        object_id="1",
        object_repr="ada",
        action_flag=CHANGE,
    )

    with pytest.raises(HasHistory, match="inactive"):
        remove_person(bob, BY)

    assert LogEntry.objects.filter(user=bob).exists()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_demote_each_other_at_the_same_time() -> None:
    people = [make_person("ada", Role.ADMINISTRATOR), make_person("bob", Role.ADMINISTRATOR)]
    start = threading.Barrier(2)
    refused: list[str] = []

    def demote(person: User) -> None:
        start.wait()
        try:
            with transaction.atomic():
                require_another_administrator(person)
                User.objects.filter(pk=person.pk).update(role=Role.VIEWER)
        except LastAdministrator as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    assert administrators().count() == 1
