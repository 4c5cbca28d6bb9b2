"""Kinds of arguments that several commands take."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Return the whole number above 0 that `text` is."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)
