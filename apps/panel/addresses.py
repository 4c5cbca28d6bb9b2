"""Addresses of lists with what was chosen in them."""

from collections.abc import Mapping

from django.utils.http import urlencode


def query_of(chosen: Mapping[str, str], **changes: str) -> str:
    """Return the query of an address: what was `chosen`, with `changes`; "" takes something away."""
    kept = {name: value for name, value in {**chosen, **changes}.items() if value}
    return f"?{urlencode(kept)}" if kept else ""
