"""Addresses of lists with what was chosen in them."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode


def query_of(chosen: Mapping[str, str], **changes: str) -> str:
    """Return the query of an address: what was `chosen`, with `changes`; "" takes something away."""
    kept = {name: value for name, value in {**chosen, **changes}.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


def show_address(request: HttpRequest, response: HttpResponse, chosen: Mapping[str, str]) -> None:
    """Let the browser show the address of what was `chosen`, without what is empty, where it is another one.

    So it can be read and sent to others, and each step back leads to another choice.
    """
    address = f"{request.path}{query_of(chosen)}"
    if request.htmx.current_url_abs_path != address:  # type: ignore[attr-defined]
        response["HX-Push-Url"] = address
