"""Tags: which words are some, and what changing them leaves behind."""

import pytest

from apps.accounts.audit.models import AuditEntry
from apps.applications.models import App
from apps.applications.tags import MOST_TAGS, InvalidTag, change_tags, read_tags, tags_of
from tests.panel.pages import BY, make_app


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", []),
        ("web", ["web"]),
        ("  team-a, Web web,customer:acme_2.1 ", ["customer:acme_2.1", "team-a", "web"]),
    ],
)
def test_it_reads_each_tag_once_and_in_order(text: str, tags: list[str]) -> None:
    assert read_tags(text) == tags


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-web", "cannot be a tag"),
        ("ärger", "cannot be a tag"),
        ("a<b>", "cannot be a tag"),
        ("a\u202eb", "cannot be a tag"),
        ("a\0b", "cannot be a tag"),
        ("x" * 31, "longer than 30"),
        (" ".join(f"t{n}" for n in range(MOST_TAGS + 1)), "can have 20 tags"),
    ],
)
def test_it_refuses_what_is_no_tag(text: str, why: str) -> None:
    with pytest.raises(InvalidTag, match=why):
        read_tags(text)


@pytest.mark.django_db
def test_tags_are_added_and_removed_and_the_audit_says_so() -> None:
    app = make_app()
    assert change_tags(app, BY, add=["web", "Team-A"]) == ["team-a", "web"]
    entries = AuditEntry.objects.count()
    assert change_tags(app, BY, add=["web"], remove=["never-there"]) == ["team-a", "web"]
    assert AuditEntry.objects.count() == entries, "nothing changed"

    assert change_tags(app, BY, remove=["WEB"]) == ["team-a"]

    last = AuditEntry.objects.order_by("number").last()
    assert last is not None
    assert (last.action, last.app_slug) == ("app.changed", "shop")
    assert (last.before, last.after) == ('{"tags":["team-a","web"]}', '{"tags":["team-a"]}')


@pytest.mark.django_db
def test_an_app_has_no_more_than_it_may() -> None:
    app = make_app()
    change_tags(app, BY, add=[f"t{n}" for n in range(MOST_TAGS)])
    with pytest.raises(InvalidTag, match="can have 20 tags; these are 21"):
        change_tags(app, BY, add=["one-more"])
    assert len(tags_of(App.objects.get())) == MOST_TAGS
