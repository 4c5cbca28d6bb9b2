"""The words of a `docker run` line, as a shell would split it; nothing of it is ever run or looked up."""

import re
import shlex

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.core.errors import DomainError

MAX_CHARACTERS = 20_000
# Stand for a dollar sign and a backtick that the shell leaves alone: in single quotes, or after a backslash.
_DOLLAR, _BACKTICK = "\ue000", "\ue001"
_KEPT = str.maketrans({"$": _DOLLAR, "`": _BACKTICK})
_CONTINUED = re.compile(r"[\\`^][ \t]*\r?\n")
_HERE = re.compile(r"\$\(\s*pwd\s*\)|`pwd`|\$\{PWD\}|\$PWD\b|\$\{pwd\}|%cd%")
_SUBSTITUTION = re.compile(r"\$\([^()]*\)|`[^`]*`")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)((?::?[-?+][^{}]*)?)\})")
# A whole line that is a comment (no prompt of root), or what is quoted: that may hold lines that look so.
_COMMENT_OR_QUOTED = re.compile(
    r"""^[ \t]*#(?![ \t]*(?:sudo[ \t]+)?docker\b)[^\n]*|'[^']*'|"(?:[^"\\]|\\.)*"|\\.""",
    re.DOTALL | re.MULTILINE,
)
_ESCAPED = re.compile(r"\\([$`])")
_OPERATORS = "();<>|&"


class InvalidRunLine(DomainError):
    """A line that is no `docker run`, or one that cannot become a service."""


def split(line: str) -> list[str]:
    """Return the words of `line`: with `$NAME` as Compose's `${NAME}`, other dollar signs as `$$`.

    `$PWD` and `$(pwd)` become `.`, the app's own folder. Raises InvalidRunLine.
    """
    if len(line) > MAX_CHARACTERS:
        raise InvalidRunLine(
            _("The line has %(length)s characters; at most %(most)s are read.")
            % {
                "length": number_format(len(line), force_grouping=True),
                "most": number_format(MAX_CHARACTERS, force_grouping=True),
            }
        )
    if any(sign in line for sign in (_DOLLAR, _BACKTICK, "\0")):
        raise InvalidRunLine(_("The line holds a character that no shell takes."))
    line = _COMMENT_OR_QUOTED.sub(_keep, line)
    line = _CONTINUED.sub(" ", line).replace("\r", "")
    line = _HERE.sub(".", line)
    if found := _SUBSTITUTION.search(line):
        raise InvalidRunLine(
            _("%(command)s is a command of its own. Nothing is run here: write what it prints in its place.")
            % {"command": found[0][:60]}
        )
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        raise InvalidRunLine(_("A quote that opens in this line is never closed.")) from None
    for word in words:
        if set(word) <= set(_OPERATORS) and word:
            raise InvalidRunLine(
                _("%(sign)s belongs to the shell. Paste one docker run line and nothing else.")
                % {"sign": word}
            )
    return [_dollars(word) for word in words]


def _keep(found: re.Match[str]) -> str:
    text = found[0]
    if text.lstrip().startswith("#"):
        return ""
    if text.startswith("'"):
        return text.translate(_KEPT)
    return _ESCAPED.sub(lambda match: match[1].translate(_KEPT), text)


def variables(word: str) -> list[str]:
    """Return the names of the variables that `word` (of `split`) refers to."""
    return [match[1] for match in re.finditer(r"(?<!\$)(?:\$\$)*\$\{(\w+)", word)]


def _dollars(word: str) -> str:
    pieces, position = [], 0
    for match in _VARIABLE.finditer(word):
        pieces += [
            word[position : match.start()].replace("$", "$$"),
            f"${{{match[1] or match[2]}{match[3] or ''}}}",
        ]
        position = match.end()
    return (
        "".join([*pieces, word[position:].replace("$", "$$")]).replace(_DOLLAR, "$$").replace(_BACKTICK, "`")
    )
