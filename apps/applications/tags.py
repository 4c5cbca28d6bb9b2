"""Tags of apps: which words are some, and the one way to change them."""

import re
from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.applications.models import App, AppTag
from apps.core.errors import DomainError

MOST_TAGS = 20  # of one app
MAX_LENGTH = 30

# They stand in addresses, and are told apart by what separates them: no spaces, no commas.
_TAG = re.compile(r"[a-z0-9][a-z0-9._:-]*")


class InvalidTag(DomainError):
    """A word that cannot be a tag, or more of them than an app may have."""


def read_tags(text: str) -> list[str]:
    """Return the tags that `text` names, separated by spaces or commas, each once and in order.

    Capital letters become small ones. Raises InvalidTag.
    """
    return validated(text.replace(",", " ").split())


def validated(words: Iterable[str]) -> list[str]:
    """Return `words` as tags, each once and in order. Raises InvalidTag."""
    tags = sorted({word.lower() for word in words})
    for tag in tags:
        if len(tag) > MAX_LENGTH:
            raise InvalidTag(
                _("The tag %(tag)s… is longer than %(most)s characters.")
                % {"tag": tag[:MAX_LENGTH], "most": MAX_LENGTH}
            )
        if not _TAG.fullmatch(tag):
            raise InvalidTag(
                _(
                    "“%(tag)s” cannot be a tag. Use letters from a to z, digits, dashes, underscores, dots "
                    "and colons, and begin with a letter or digit."
                )
                % {"tag": tag}
            )
    if len(tags) > MOST_TAGS:
        raise InvalidTag(
            _("An app can have %(most)s tags; these are %(count)s.") % {"most": MOST_TAGS, "count": len(tags)}
        )
    return tags


def tags_of(app: App) -> list[str]:
    """Return the tags of `app` in order."""
    return [tag.name for tag in app.tags.all()]


def change_tags(app: App, by: Actor, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
    """Give `app` the tags `add`, take those of `remove` away, and return what it has then.

    One that it has already, or has not, is no error. Raises InvalidTag.
    """
    add, remove = validated(add), {word.lower() for word in remove}
    with transaction.atomic():
        # One writer at a time, so that two who add at once do not exceed the limit together.
        App.objects.select_for_update().get(pk=app.pk)
        before = [tag.name for tag in AppTag.objects.filter(app=app)]
        after = validated({*before, *add} - remove)
        store_tags(app, after)
        if before != after:
            record(
                by,
                AuditAction.APP_CHANGED,
                f"app {app.slug}",
                app_slug=app.slug,
                before={"tags": before},
                after={"tags": after},
            )
    return after


def store_tags(app: App, tags: Iterable[str]) -> None:
    """Let `app` have just the valid `tags`; to be called inside the transaction that writes the audit."""
    wanted = set(tags)
    AppTag.objects.filter(app=app).exclude(name__in=wanted).delete()
    AppTag.objects.bulk_create([AppTag(app=app, name=name) for name in wanted], ignore_conflicts=True)
