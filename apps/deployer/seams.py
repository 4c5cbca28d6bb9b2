"""Secrets that a program broke over lines of its output: where one ends and the next begins."""

from dataclasses import dataclass
from datetime import datetime

from apps.deployer.redaction import Redactor, Span, masked

# From so much of a secret on, its beginning at the end of a line is hidden whatever follows.
TELLING_BYTES = 8
TELLING_SHARE = 0.5
# Over more lines than these no secret is followed.
MOST_LINES = 100


@dataclass(eq=False)
class Entry:
    """One line on its way to the rows, its secrets replaced.

    While it is open, the next line of its stream may still show that it ends in a secret. `room` is
    what it takes in the buffer; once it is stored it does not change.
    """

    at: datetime
    stream: str
    text: str
    room: int = 0
    open_until: float = 0.0
    is_stored: bool = False


class Seam:
    """Follows one stream and hides secrets that begin in one line and end in one of the next.

    Only values as they are and in base64 are followed over lines, not what is escaped besides.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        # The last lines, as they came, that a secret may go on from.
        self._parts: list[tuple[Entry, bytes]] = []

    def take(self, entry: Entry, open_until: float) -> None:
        """Replace the secrets in `entry`, the next line, and in lines before it that one goes on from.

        Where it may begin a secret itself, it is open until then.
        """
        data = entry.text.encode("utf-8", "replace")
        if not self._parts and not self._redactor.begun(data):
            # As almost every line.
            entry.text = self._redactor.redact(entry.text)
            return
        before = self._parts if data else []
        parts = [*before[-MOST_LINES:], (entry, data)]
        joined = b"".join(raw for _part, raw in parts)
        begun = self._redactor.begun(joined)
        hidden = [
            (len(joined) - length, len(joined))
            for secret, length in begun
            if length >= TELLING_BYTES and length >= TELLING_SHARE * len(secret)
        ]
        if before:
            hidden += self._redactor.plain_spans(joined)
        reach = len(joined) - max((length for _secret, length in begun), default=0)
        self._parts = []
        end = 0
        for part, raw in parts:
            start, end = end, end + len(raw)
            spans = [(max(a, start) - start, min(b, end) - start) for a, b in hidden if a < end and b > start]
            if not part.is_stored:
                part.text = self._hide(part.text, raw, spans) if spans or part is entry else part.text
            part.open_until = open_until if end > reach else 0.0
            if end > reach:
                self._parts.append((part, raw))

    def _hide(self, text: str, raw: bytes, spans: list[Span]) -> str:
        spans = self._redactor.spans(raw) + spans
        return masked(raw, spans).decode("utf-8", "replace") if spans else text
