"""Signs by which output colours itself or steers a terminal, made harmless."""

import re

# What colours a line (ECMA-48, control sequences), and every other sign that steers a terminal.
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VISIBLE = {code: f"\\x{code:02x}" for code in range(0xA0) if _CONTROL.match(chr(code))}


def without_colours(text: str) -> str:
    """Return `text` without colours: one within a secret would hide it from the redactor."""
    return _COLOUR.sub("", text) if "\x1b" in text else text


def with_visible_signs(text: str) -> str:
    r"""Return `text` with each sign that would steer a terminal written out, like \x1b."""
    # By the table where there are some: a call for each takes milliseconds of a line that is full of them.
    return text.translate(_VISIBLE) if _CONTROL.search(text) else text
