"""Bytes of a stream, as they come, into lines of text."""

import codecs


class LineSplitter:
    r"""Cut one stream into lines at "\n", "\r" and "\r\n", wherever its reads happen to end.

    A progress bar's "\r" ends a line at once. Text is UTF-8; what is not, and NUL, which PostgreSQL
    refuses in a text, becomes U+FFFD. Of a line beyond `limit` bytes the beginning is kept, with a
    note of how much was left out, so that memory stays bounded whatever the command prints.

    With `mark_returns` a line that follows a "\r" begins with it: what a command writes before each
    line that it hands on is not taken for such where somebody else's line pretends to it after a "\r".
    """

    def __init__(self, limit: int, *, mark_returns: bool = False) -> None:
        self._limit = limit
        self._begins = b"\n\r" if mark_returns else b"\n"
        self._begun = bytearray()
        self._left_out = 0
        self._after_return = False

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that end within `data`."""
        if self._after_return and data:
            # The line ended at the "\r" that ended the last read; this is the rest of its line end.
            self._after_return = False
            if data.startswith(b"\n"):
                data = data[1:]
                self._begun.clear()  # of its mark
        if b"\r" in data:
            self._after_return = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", self._begins)
        ended, newline, begun = data.rpartition(b"\n")
        texts: list[str] = []
        if newline and (self._begun or self._left_out):
            first, newline, ended = ended.partition(b"\n")
            self._hold(first)
            texts.append(self._take())
        if newline:
            texts += self._decode(ended)
        self._hold(begun)
        return texts

    def finish(self) -> list[str]:
        """Return the last line, where the stream ended without a line end."""
        return [self._take()] if self._begun or self._left_out else []

    def _decode(self, ended: bytes) -> list[str]:
        if len(ended) <= self._limit:
            # No multi-byte sequence holds a newline, so decoding all lines at once gives the same texts.
            return _text(ended).split("\n")
        texts = []
        for line in ended.split(b"\n"):
            self._hold(line)
            texts.append(self._take())
        return texts

    def _hold(self, data: bytes) -> None:
        room = self._limit - len(self._begun)
        self._begun += data[:room]
        self._left_out += max(0, len(data) - room)

    def _take(self) -> str:
        line, left_out = bytes(self._begun), self._left_out
        self._begun, self._left_out = bytearray(), 0
        if not left_out:
            return _text(line)
        # An incremental decoder that is not told of the end drops a character that the limit cut.
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(line).replace("\0", "\ufffd")
        return f"{text} … ({left_out:,} bytes of this line left out)"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "\ufffd")
