"""The language of whoever opened a WebSocket: that of their pages."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language_from_request


def language_of(scope: Any) -> str:
    """Return the language that a page for the same browser has: the chosen one, else what it asks for."""
    request = HttpRequest()
    # Who shows a token has no cookies.
    request.COOKIES = scope.get("cookies", {})
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    request.META["HTTP_ACCEPT_LANGUAGE"] = asked
    return get_language_from_request(request)
