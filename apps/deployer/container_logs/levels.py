"""How bad a line of output says itself to be, where it says so."""

import re
from typing import Final

ERROR: Final = "error"
WARNING: Final = "warning"
INFO: Final = "info"
DEBUG: Final = "debug"
NONE: Final = ""

# Beyond it nothing is looked for: a level stands at the beginning of a line.
_LOOKED_AT = 400
_WORDS = {
    **dict.fromkeys(
        ("fatal", "panic", "emerg", "emergency", "alert", "crit", "critical", "severe", "error", "err"), ERROR
    ),
    **dict.fromkeys(("warning", "warn"), WARNING),
    **dict.fromkeys(("info", "information", "informational", "notice"), INFO),
    **dict.fromkeys(("debug", "trace", "verbose", "fine"), DEBUG),
}
# The numbers of bunyan and pino.
_NUMBERS = {10: DEBUG, 20: DEBUG, 30: INFO, 40: WARNING, 50: ERROR, 60: ERROR}
_KLOG = {"F": ERROR, "E": ERROR, "W": WARNING, "I": INFO, "D": DEBUG}

_ANY = "|".join(sorted(_WORDS, key=len, reverse=True))
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_JSON_LINE = re.compile(r"\s*\{")
# {"level":"error"}, {"severity": "WARNING"}, {"level":50}, {"log":{"level":"warn"}}, {"log.level":"info"}
_JSON = re.compile(
    r'"(?:@?l|(?:log[._])?level(?:name)?|severity|lvl)"\s*:\s*(?:"([a-zA-Z]+)"|([1-6]0)\b)', re.IGNORECASE
)
# level=warn msg="...", lvl=eror, severity="ERROR"
_LOGFMT = re.compile(rf"(?:^|[\s,;])(?:level|lvl|severity)=\"?({_ANY})\b", re.IGNORECASE)
# I0301 12:00:00.000000   1 main.go:10] ...
_KLOG_LINE = re.compile(r"([FEWID])\d{4} \d\d:\d\d:\d\d")
# [ERROR], [warn], [core:error], <Warning>, (INFO)
_BRACKETS = re.compile(rf"[\[(<](?:[\w.-]+:)?\s*({_ANY})\s*[\])>]", re.IGNORECASE)
# ERROR: ..., WARN  - ..., "2026-03-01 12:00:00,123 INFO  x", "12:00:00 [main] ERROR x"; in capitals, for a
# sentence may hold "error" anywhere.
_CAPITALS = re.compile(rf"(?:^|[\s|\]])({_ANY.upper()})(?=[\s:|\]]|$)")
_CAPITALS_WITHIN = 60
# "error: ...", "warning: ..." at the very beginning, as compilers and shells write it; PostgreSQL's
# "2026-03-01 12:00:00.000 UTC [1] LOG:  ..." says nothing of that kind.
_BEGINNING = re.compile(rf"(?:[\w./-]+: )?({_ANY})(?:\[\w+\])?:\s", re.IGNORECASE)


def level_of(text: str) -> str:
    """Return ERROR, WARNING, INFO or DEBUG where the line `text` says how bad it is, else NONE."""
    text = text[:_LOOKED_AT]
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if _JSON_LINE.match(text):
        found = _JSON.search(text)
        if not found:
            return NONE
        word, number = found.groups()
        return _WORDS.get(word.lower(), NONE) if word else _NUMBERS.get(int(number), NONE)
    if found := _KLOG_LINE.match(text):
        return _KLOG[found[1]]
    for pattern, within in (
        (_LOGFMT, _LOOKED_AT),
        (_BEGINNING, 0),
        (_BRACKETS, _CAPITALS_WITHIN),
        (_CAPITALS, _CAPITALS_WITHIN),
    ):
        found = pattern.search(text) if within else pattern.match(text)
        if found and found.start() <= (within or 0):
            return _WORDS[found[1].lower()]
    return NONE
