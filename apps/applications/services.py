"""What the layers above do with apps and their versions."""

from collections.abc import Collection, Iterable

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext

from apps.accounts.actor import Actor
from apps.accounts.audit import AuditAction, record
from apps.accounts.audit.changes import only_changed, stored, values
from apps.applications import environment
from apps.applications.content import Content
from apps.applications.models import App, ComposeVersion
from apps.applications.slugs import validate_slug
from apps.applications.tags import store_tags, tags_of, validated
from apps.core.errors import Conflict, DomainError, NotFound
from apps.core.secret import Secret
from apps.core.signs import STEERING, TURNING

# Twins that store at the same moment are told apart by the database; one more look settles it.
_ATTEMPTS = 5


class SlugTaken(Conflict):
    """A slug that a living app already has."""


class InvalidText(DomainError):
    """A name or note that cannot be stored."""


def create_app(slug: str, name: str, by: Actor) -> App:
    """Make the app `slug`, shown as `name` (the slug where that is empty).

    Raises InvalidSlug, InvalidText and SlugTaken.
    """
    validate_slug(slug)
    name = line_of_text(name, gettext("The name"), 100) or slug
    try:
        with transaction.atomic():
            app = App.objects.create(slug=slug, name=name, created_by=by.user)
            record(by, AuditAction.APP_ADDED, f"app {slug}", app_slug=slug, after={"name": name})
            return app
    except IntegrityError:
        raise SlugTaken(
            gettext("There is already an app named %(slug)s. Choose another name.") % {"slug": slug}
        ) from None


def save_settings(app: App, changed: Collection[str], by: Actor, tags: Iterable[str] | None = None) -> None:
    """Store the fields of `app` that `changed` names, its `tags` where they are given, and nothing else.

    What a deploy that ends meanwhile writes to the same row stays. Raises InvalidTag.
    """
    with transaction.atomic():
        before, after = only_changed(stored(app, changed), values(app, changed))
        if after:
            app.save(update_fields=list(after))
        if tags is not None:
            had, tags = tags_of(app), validated(tags)
            store_tags(app, tags)
            if had != tags:
                before, after = before | {"tags": had}, after | {"tags": tags}
        if after:
            record(
                by, AuditAction.APP_CHANGED, f"app {app.slug}", app_slug=app.slug, before=before, after=after
            )


def get_app(slug: str) -> App:
    """Return the living app `slug`. Raises NotFound where there is none."""
    app = App.objects.live().select_related("current_version").filter(slug=slug).first()
    if app is None:
        raise NotFound(gettext("There is no app named %(slug)s.") % {"slug": slug[:100]})
    return app


def get_version(app: App, number: int) -> ComposeVersion:
    """Return version `number` of `app`. Raises NotFound where it has none such."""
    version = ComposeVersion.objects.filter(app=app, number=number).first() if 0 < number < 2**31 else None
    if version is None:
        raise NotFound(gettext("%(slug)s has no version %(number)s.") % {"slug": app.slug, "number": number})
    return version


def store_version(app: App, content: Content, by: Actor, note: str = "") -> tuple[ComposeVersion, bool]:
    """Return the version of `app` that holds `content`, and whether it was made now.

    Content that the app already has makes no new row, whoever stores it at the same moment.
    Raises InvalidText where the note is too long.
    """
    note = line_of_text(note, gettext("The note"), 500)
    digest = content.sha256
    for _attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic():
                # One writer at a time for the numbers of an app; SQLite's transactions are so anyway.
                App.objects.select_for_update().filter(pk=app.pk).first()
                existing = ComposeVersion.objects.filter(app=app, sha256=digest).first()
                if existing is not None:
                    return existing, False
                last = ComposeVersion.objects.filter(app=app).aggregate(Max("number"))["number__max"] or 0
                version = ComposeVersion.objects.create(
                    app=app,
                    number=last + 1,
                    yaml=content.yaml,
                    environment=Secret(content.environment),
                    sha256=digest,
                    note=note,
                    author=by.user,
                    author_name=by.name[:150],
                )
                record(
                    by,
                    AuditAction.VERSION_ADDED,
                    f"version {version.number}",
                    app_slug=app.slug,
                    after={"sha256": digest, "note": note},
                )
                return version, True
        except IntegrityError:
            continue
    raise Conflict(
        gettext("Others keep storing versions of %(slug)s at this moment. Nothing was stored; try again.")
        % {"slug": app.slug}
    )


def content_of(version: ComposeVersion) -> Content:
    """Return what `version` holds. Raises UndecryptableError where the key of its environment is gone."""
    return Content(version.yaml, version.environment.reveal())


def reveal_environment(version: ComposeVersion, names: Iterable[str], by: Actor) -> dict[str, str]:
    """Return the values that `by` wants to see, by name, and write into the audit that they were seen.

    Raises NotFound where the environment of `version` has none of `names`.
    """
    known = environment.values(version.environment.reveal())
    shown = {name: known[name] for name in names if name in known}
    if not shown:
        raise NotFound(
            gettext("The environment of version %(number)s has no such name.") % {"number": version.number}
        )
    record(
        by,
        AuditAction.SECRET_REVEALED,
        f"version {version.number} of {version.app.slug}",
        app_slug=version.app.slug,
        after={"shown": list(shown)},
    )
    return shown


def line_of_text(text: str, what: str, limit: int) -> str:
    """Return `text` as one line; a refusal calls it `what`.

    Raises InvalidText beyond `limit` characters, and where it holds some that steer a terminal or turn the
    direction of what follows.
    """
    text = " ".join(text.split())
    if len(text) > limit:
        raise InvalidText(
            gettext("%(what)s has %(count)s characters; %(limit)s are allowed.")
            % {"what": what, "count": len(text), "limit": limit}
        )
    if "\0" in text:
        raise InvalidText(gettext("%(what)s holds a NUL byte.") % {"what": what})
    if hidden := STEERING.search(text) or TURNING.search(text):
        raise InvalidText(
            gettext("%(what)s holds a character that is not shown as it is (U+%(code)04X).")
            % {"what": what, "code": ord(hidden[0])}
        )
    return text
