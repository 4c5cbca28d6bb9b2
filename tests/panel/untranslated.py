"""Finds texts in templates that no catalogue can have: outside of translate tags, or as strings in others."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from django.template.base import Lexer, Token, TokenType

# Attributes whose values people read or hear.
READ = frozenset({"title", "aria-label", "aria-description", "placeholder", "alt"})
# What is inside is the same in every language: code, and what is no text at all.
SAME_EVERYWHERE = frozenset({"code", "pre", "kbd", "samp", "script", "style"})
# Names, units and the like.
WORDS = frozenset(
    {"SimpleDeploy", "UTC", "CPU", "IP", "SHA-256", "YAML", "Docker", "Compose", "Python", "Django"}
)
# What scripts read of an attribute.
FOR_MACHINES = frozenset({"yes,no", "same,file"})
# A command as an example of what to type.
EXAMPLES = frozenset({"docker run -d -p 8080:80 nginx"})

_TAG, _VALUE = "\ue000", "\ue001"  # stand where the template has a tag or a value
_WORD = re.compile(r"[^\W\d_][\w.-]*")
# Strings that reach people by a filter, or by a variable that an included template shows.
_SHOWN = re.compile(
    r"""(?:\|(?:default|default_if_none|yesno|pluralize|add|join):|\b(?:heading|label|text|title|hint)=)"""
    r"""(?P<quote>["'])(?P<text>.*?)(?P=quote)"""
)


def untranslated(source: str) -> list[str]:
    """Return the texts of the template `source` that are shown as they stand."""
    tokens = Lexer(source).tokenize()
    reader = _Reader()
    reader.feed("".join(_plain(tokens)))
    reader.close()
    strings = (
        match["text"]
        for token in tokens
        if token.token_type in (TokenType.BLOCK, TokenType.VAR)
        for match in _SHOWN.finditer(token.contents)
        if match["text"] not in FOR_MACHINES
    )
    return [*reader.found, *(text for text in strings if _says_something(text))]


def _plain(tokens: list[Token]) -> Iterator[str]:
    """Yield the template without what is translated, its tags and values as signs."""
    until = ""
    for token in tokens:
        name = token.contents.split()[0] if token.contents.strip() else ""
        if token.token_type == TokenType.BLOCK:
            if until:
                until = "" if name == until else until
            elif name in ("blocktranslate", "comment", "verbatim"):
                until = f"end{name}"
            yield _TAG
        elif not until and token.token_type == TokenType.TEXT:
            yield token.contents
        elif not until and token.token_type == TokenType.VAR:
            yield _VALUE


def _says_something(text: str) -> bool:
    return any(word.strip(".-") not in WORDS for word in _WORD.findall(text) if len(word.strip(".-")) > 1)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._same = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            text
            for name, text in attrs
            if name in READ and text and text not in EXAMPLES and _says_something(text)
        ]
        self._same += tag in SAME_EVERYWHERE

    def handle_endtag(self, tag: str) -> None:
        self._same -= tag in SAME_EVERYWHERE

    def handle_data(self, data: str) -> None:
        if not self._same and _says_something(data):
            self.found.append(" ".join(data.replace(_TAG, " ").replace(_VALUE, "…").split()))
