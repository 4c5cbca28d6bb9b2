"""Errors whose message is a sentence for the person who asked."""


class DomainError(Exception):
    """A request that is refused; the message says what is wrong and what to do.

    Pages answer with `http_status`, commands with exit code 2.
    """

    http_status = 400


class NotFound(DomainError):
    """Something that does not exist, or that this person may not see."""

    http_status = 404


class NotAllowed(DomainError):
    """Something that this person may see but not do."""

    http_status = 403


class Conflict(DomainError):
    """Something that the present state of the object does not allow."""

    http_status = 409
