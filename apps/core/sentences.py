"""Sentences that are data: English wherever they are kept or compared, in the reader's language on a page."""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, Self

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext


class Sentence(str):
    """An English text that knows how to say itself in another language.

    What is worked out for one person may be kept, compared with what another person was shown, or stored.
    As a string it is therefore always the English text; only a template, and whoever asks for `translated`,
    gets it in the active language. Templates do so by themselves, except behind a filter.
    """

    _singular: str
    _plural: str
    _number: int
    _values: dict[str, Any]

    @classmethod
    def made(cls, singular: str, plural: str, number: int, values: dict[str, Any]) -> Self:
        """Return the sentence of a message of the catalogue, with `values` for its placeholders."""
        text = plural if plural and number != 1 else singular
        made = cls(text % values if values else text)
        made._singular, made._plural, made._number, made._values = singular, plural, number, values
        return made

    @property
    def translated(self) -> str:
        """The sentence in the active language, as are those that it holds."""
        if not hasattr(self, "_singular"):
            return str(self)
        if self._plural:
            text = ngettext(self._singular, self._plural, self._number)
        else:
            text = gettext(self._singular)
        if not self._values:
            return text
        return text % {name: translated(value) for name, value in self._values.items()}

    def mapped(self, change: Callable[[str], str]) -> str:
        """Return the sentence with what `change` makes of each text in it.

        Where `change` does more to the whole than to its parts, the plain English text of that comes back.
        """
        wanted = change(str(self))
        if not hasattr(self, "_singular"):
            return wanted
        values = {name: _mapped(value, change) for name, value in self._values.items()}
        made = Sentence.made(self._singular, self._plural, self._number, values)
        return made if made == wanted else wanted

    def __html__(self) -> SafeString:
        return escape(self.translated)


def sentence(message: str, **values: Any) -> Sentence:
    """Return the sentence of `message`, which stands in the catalogue with %(name)s for each of `values`."""
    return Sentence.made(message, "", 1, values)


def counted(singular: str, plural: str, number: int, **values: Any) -> Sentence:
    """Return the sentence of `singular` or `plural`, by `number`, which stands as %(count)s in them."""
    return Sentence.made(singular, plural, number, {"count": number, **values})


def listed(sentences: Iterable[str]) -> str:
    """Return all of `sentences` in a row; an empty text where there is none."""
    pieces = list(sentences)
    return (
        reduce(lambda one, other: sentence("%(one)s; %(other)s", one=one, other=other), pieces)
        if pieces
        else ""
    )


def names_told(added: Iterable[str], removed: Iterable[str], changed: Iterable[str]) -> str:
    """Return which names came, went and mean something else; an empty text where there are none."""
    told = []
    if names := ", ".join(added):
        told.append(sentence("%(names)s added", names=names))
    if names := ", ".join(removed):
        told.append(sentence("%(names)s removed", names=names))
    if names := ", ".join(changed):
        told.append(sentence("%(names)s changed", names=names))
    return listed(told)


def translated(text: str) -> str:
    """Return `text` in the active language where it is a sentence, else as it is."""
    return text.translated if isinstance(text, Sentence) else text


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Sentence):
        return value.mapped(change)
    return change(value) if isinstance(value, str) else value
