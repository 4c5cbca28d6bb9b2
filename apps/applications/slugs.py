"""Names of apps as they stand in addresses, folders and Compose project names."""

import re

from django.utils.translation import gettext

from apps.core.errors import DomainError

MAX_LENGTH = 50

# Compose: a project name holds lowercase letters, digits, dashes and underscores, and begins with
# a letter or digit (compose-spec, "Version and name top-level elements").
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")

# Words that stand, or may come to stand, where a slug stands in an address: /apps/new/ ...
RESERVED = frozenset({"new", "check", "plan", "import", "removed"})


class InvalidSlug(DomainError):
    """A text that cannot name an app."""


def validate_slug(slug: str) -> str:
    """Return `slug`. Raises InvalidSlug where Compose or the panel's addresses do not allow it."""
    if not slug:
        raise InvalidSlug(
            gettext("The name is empty. Use lowercase letters, digits, dashes and underscores.")
        )
    if len(slug) > MAX_LENGTH:
        raise InvalidSlug(
            gettext("The name has %(count)s characters; %(limit)s are allowed.")
            % {"count": len(slug), "limit": MAX_LENGTH}
        )
    if not _SLUG.fullmatch(slug):
        raise InvalidSlug(
            gettext(
                "%(slug)r cannot name an app. Use lowercase letters, digits, dashes and "
                "underscores, and begin with a letter or digit."
            )
            % {"slug": slug}
        )
    if slug in RESERVED:
        raise InvalidSlug(
            gettext("The name %(slug)r is reserved by the panel. Choose another one.") % {"slug": slug}
        )
    return slug
