import threading

import pytest
from django.db import connection

from apps.accounts.actor import Actor
from apps.accounts.models import User
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.services import (
    InvalidText,
    SlugTaken,
    content_of,
    create_app,
    get_app,
    get_version,
    store_version,
)
from apps.applications.slugs import InvalidSlug
from apps.core.errors import Conflict, NotFound

YAML = "services:\n  web:\n    image: nginx\n"
CLI = Actor("alice", "command line")


@pytest.fixture
def shop(db):
    return create_app("shop", "The shop", CLI)


def test_it_creates_an_app_for_the_person_who_asked(db):
    user = User.objects.create_user("bob")
    app = create_app("shop", "  The   shop ", Actor("bob", "web 127.0.0.1", user))
    assert (app.slug, app.name, app.created_by, app.project) == (
        "shop",
        "The shop",
        user,
        "simpledeploy-shop",
    )


def test_an_app_without_a_name_is_called_as_its_slug(db):
    assert create_app("shop", " ", CLI).name == "shop"


def test_it_refuses_an_invalid_slug_and_a_long_name(db):
    with pytest.raises(InvalidSlug):
        create_app("Shop", "", CLI)
    with pytest.raises(InvalidText, match="101 characters"):
        create_app("shop", "x" * 101, CLI)
    with pytest.raises(InvalidText, match="NUL"):
        create_app("shop", "x\0", CLI)
    assert not App.objects.exists()


def test_it_refuses_a_taken_slug(shop):
    with pytest.raises(SlugTaken, match="already an app named shop"):
        create_app("shop", "", CLI)


def test_the_slug_of_a_removed_app_is_free(shop):
    App.objects.filter(pk=shop.pk).update(removed_at="2026-01-01T00:00:00Z")
    with pytest.raises(NotFound):
        get_app("shop")
    assert create_app("shop", "", CLI).pk != shop.pk


def test_get_app_says_what_is_unknown(shop):
    assert get_app("shop") == shop
    with pytest.raises(NotFound, match="no app named nope"):
        get_app("nope")


def test_versions_are_numbered_within_the_app(shop):
    other = create_app("other", "", CLI)
    numbers = [
        store_version(app, Content(f"{YAML}#{n}"), CLI)[0].number for n in range(2) for app in (shop, other)
    ]
    assert numbers == [1, 1, 2, 2]


def test_a_version_holds_what_was_asked(shop):
    content = Content(YAML, "A=hunter2hunter2\n")
    version, is_new = store_version(shop, content, CLI, note=" first\n try ")
    version = ComposeVersion.objects.get(pk=version.pk)
    assert is_new
    assert (version.sha256, version.note, version.author_name) == (content.sha256, "first try", "alice")
    assert content_of(version) == content


def test_the_environment_is_encrypted_at_rest(shop):
    version, _ = store_version(shop, Content(YAML, "A=hunter2hunter2\n"), CLI)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM compose_versions WHERE id = %s", [version.pk])
        assert "hunter2" not in str(cursor.fetchone())


def test_the_same_content_makes_no_second_row(shop):
    first, _ = store_version(shop, Content(YAML), CLI, note="one")
    again, is_new = store_version(shop, Content(YAML), CLI, note="two")
    assert (again, is_new) == (first, False)
    assert ComposeVersion.objects.get().note == "one"


def test_another_environment_is_another_version(shop):
    store_version(shop, Content(YAML), CLI)
    version, is_new = store_version(shop, Content(YAML, "A=1"), CLI)
    assert (version.number, is_new) == (2, True)


def test_a_long_note_is_refused_and_nothing_stored(shop):
    with pytest.raises(InvalidText, match="501 characters; 500 are allowed"):
        store_version(shop, Content(YAML), CLI, note="x" * 501)
    assert not ComposeVersion.objects.exists()


@pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**70])
def test_an_unknown_version_is_not_found(shop, number):
    version, _ = store_version(shop, Content(YAML), CLI)
    assert get_version(shop, 1) == version
    with pytest.raises(NotFound, match=f"shop has no version {number}"):
        get_version(shop, number)


def test_a_twin_that_the_lock_did_not_hold_back_is_met(shop, monkeypatch):
    """As on a database whose isolation shows the other's row only once it is committed."""
    twin, _ = store_version(shop, Content(YAML), CLI)
    real, hidden = ComposeVersion.objects.filter, [ComposeVersion.objects.none()] * 2
    monkeypatch.setattr(
        ComposeVersion.objects, "filter", lambda **wanted: hidden.pop() if hidden else real(**wanted)
    )
    assert store_version(shop, Content(YAML), CLI) == (twin, False)
    assert not hidden


def test_it_gives_up_in_a_sentence(shop, monkeypatch):
    store_version(shop, Content(YAML), CLI)
    none = ComposeVersion.objects.none()
    monkeypatch.setattr(ComposeVersion.objects, "filter", lambda **wanted: none)
    with pytest.raises(Conflict, match="Nothing was stored; try again"):
        store_version(shop, Content(YAML), CLI)


def together(work, count: int) -> list[object]:
    """Return what `work(n)` gave or raised in `count` threads that begin at the same moment."""
    barrier = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = work(number)
        except Conflict as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_concurrent_twins_make_one_row():
    app = create_app("shop", "", CLI)
    results = together(lambda number: store_version(app, Content(YAML), CLI), 8)
    assert ComposeVersion.objects.count() == 1
    assert sorted(is_new for _version, is_new in results) == [False] * 7 + [True]
    assert len({version.pk for version, _ in results}) == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_contents_get_a_number_each():
    app = create_app("shop", "", CLI)
    together(lambda number: store_version(app, Content(f"{YAML}#{number}"), CLI), 8)
    assert sorted(ComposeVersion.objects.values_list("number", flat=True)) == list(range(1, 9))


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_apps_of_one_slug_one_is_made():
    results = together(lambda number: create_app("shop", "", CLI), 6)
    assert App.objects.count() == 1
    assert sum(isinstance(result, SlugTaken) for result in results) == 5
