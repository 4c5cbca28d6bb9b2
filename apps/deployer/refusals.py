"""What Compose's refusal of a file means: where in the file it points, and what a person can do."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext, ngettext

from apps.applications.compose_file import find_scalar, locate
from apps.applications.problems import Problem
from apps.deployer.compose import COMPOSE_FILE, ENV_FILE

_WARNING = re.compile(r'time="[^"]*" level=warning msg="(?P<text>(?:[^"\\]|\\.)*)"')
_LOG_LINE = re.compile(r'time="[^"]*" level=\w+ msg="(?P<text>(?:[^"\\]|\\.)*)"')
_UNSET = re.compile(r'The "(?P<name>[^"]+)" variable is not set')
_VARIABLE = re.compile(r"(?<!\$)\$(?:\{([A-Za-z_][A-Za-z0-9_]*)[^{}]*\}|([A-Za-z_][A-Za-z0-9_]*))")
_PATH = re.compile(r"(?:services|networks|volumes|configs|secrets)(?:\.[^\s:,'\"]+|\[[^\]]*\])+")
_MAX_WORDS = 1000

Place = tuple[int, int] | None


@dataclass(frozen=True)
class _Refusal:
    words: str
    text: str  # of the Compose file
    unset: Collection[str]  # variables that the file uses and the environment does not set

    def find(self, path: str, fits: Callable[[str], bool]) -> tuple[Place, str]:
        found = find_scalar(self.text, path, fits)
        return ((found[0], found[1]), found[2]) if found else (None, "")


def warnings_in(stderr: str) -> list[str]:
    """Return the texts of Compose's warnings, each once."""
    found = (match["text"].replace('\\"', '"') for match in _WARNING.finditer(stderr))
    return list(dict.fromkeys(found))


def unset_variables(warnings: Iterable[str]) -> list[str]:
    """Return the variables that `warnings` call not set."""
    return [match["name"] for warning in warnings if (match := _UNSET.search(warning))]


def problem_of(stderr: str, text: str, staging: Path, hide: Callable[[str], str] = str) -> Problem:
    """Return what `docker compose config` refused in the Compose file `text`, read in folder `staging`.

    The message is Compose's own words without the folder, and what to do where that is known; `hide` takes
    the secrets out of it.
    """
    unset = unset_variables(warnings_in(stderr))
    words = _words(stderr, staging)
    refusal = _Refusal(words[:_MAX_WORDS], text, unset)
    place: Place = None
    advice = ""
    for pattern, explain in _TABLE:
        match = pattern.search(refusal.words)
        if match:
            place, advice = explain(refusal, match)
            break
    if place is None:
        match = _PATH.search(refusal.words)
        place = locate(text, match[0].rstrip(".")) if match else None
    line, column = place or (None, None)
    # Cut afterwards: of a secret that is cut off the rest would not be known for one.
    told = hide(words)[:_MAX_WORDS].rstrip(".")
    message = gettext("Compose refuses the file: %(words)s.") % {"words": told}
    return Problem(line, column, f"{message} {hide(advice)}".strip())


def _words(stderr: str, staging: Path) -> str:
    lines = []
    for line in stderr.splitlines():
        if line.strip() and not _WARNING.search(line):
            logged = _LOG_LINE.search(line)
            lines.append((logged["text"].replace('\\"', '"') if logged else line).strip())
    words = " ".join(lines)
    words = words.replace(f"{staging}/", "").replace(str(staging), gettext("the app's folder"))
    words = words.replace(f"validating {COMPOSE_FILE}: ", "").removesuffix(": invalid compose project")
    return words or gettext("it gave no reason")


# One function for each kind of refusal: it returns the place (None: look for a path in the words) and advice.


def _yaml_line(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    return (int(match["line"]), 1), ""


def _additional(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    parent = "" if match["path"] == "(root)" else match["path"] + "."
    advice = gettext("Check the spelling of the key and how far it is indented.")
    return locate(refusal.text, parent + match["key"]), advice


def _path(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    return locate(refusal.text, match["path"]), ""


def _required(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    name = match["name"]
    place, _ = refusal.find("", lambda value: re.search(rf"\$\{{?{re.escape(name)}\b", value) is not None)
    return place, (gettext("Set %(name)s in the environment.") % {"name": name})


def _env_file(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    name = match["name"].removeprefix("./")
    place, _ = refusal.find("services.*.env_file", lambda value: _names_file(value, name))
    if name == ENV_FILE:
        return place, (
            gettext(
                "The file asks for the env file %(env_file)s, but the app's environment is empty. "
                "Write the values it needs into the environment, or remove this env_file."
            )
            % {"env_file": ENV_FILE}
        )
    return place, (
        gettext(
            "There is no %(name)s in the app's folder. Write its values into the environment "
            "and use `env_file: %(env_file)s`, or remove this env_file."
        )
        % {"name": name, "env_file": ENV_FILE}
    )


def _other_file(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    name = match["name"]
    place, _ = refusal.find("", lambda value: _names_file(value, name))
    return place, (
        gettext("The panel deploys one Compose file; there is no %(name)s in the app's folder.")
        % {"name": name}
    )


def _names_file(value: str, name: str) -> bool:
    value = value.removeprefix("./")
    return value == name or (name.startswith("/") and name.endswith(f"/{value}"))


def _value_of(*sections: str) -> Callable[[_Refusal, re.Match[str]], tuple[Place, str]]:
    def explain(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
        value = "" if match["value"] == "<empty>" else match["value"]
        # A plain part of a value (80:a holds `a`) before what variables may have made of one.
        fitting: tuple[Callable[[str], bool], ...] = (
            lambda raw: value in (raw, *raw.split(":")),
            lambda raw: _may_become(raw, value, refusal.unset),
        )
        tries = [(section, fits) for fits in fitting for section in sections]
        found = (refusal.find(f"services.*.{section}", fits) for section, fits in tries)
        place, raw = next(((place, raw) for place, raw in found if place is not None), (None, ""))
        names = [a or b for a, b in _VARIABLE.findall(raw)]
        missing = [name for name in dict.fromkeys(names) if name in refusal.unset]
        if not missing:
            return place, ""
        advice = ngettext(
            "It stands there as %(raw)s: set the variable %(missing)s in the environment.",
            "It stands there as %(raw)s: set the variables %(missing)s in the environment.",
            len(missing),
        )
        return place, advice % {"raw": raw, "missing": ", ".join(missing)}

    return explain


def _may_become(raw: str, value: str, unset: Collection[str]) -> bool:
    """Tell whether `raw` can be `value` once its variables are replaced, those in `unset` by nothing."""
    pieces, position = [""], 0  # what stands between the variables that may be anything
    for variable in _VARIABLE.finditer(raw):
        pieces[-1] += raw[position : variable.start()].replace("$$", "$")
        if (variable[1] or variable[2]) not in unset:
            pieces.append("")
        position = variable.end()
    pieces[-1] += raw[position:].replace("$$", "$")
    if len(pieces) == 1:
        return value == pieces[0]
    # No regular expression: it would try out all the ways in which many variables can share a long value.
    at, end = len(pieces[0]), len(value) - len(pieces[-1])
    if at > end or not (value.startswith(pieces[0]) and value.endswith(pieces[-1])):
        return False
    for piece in pieces[1:-1]:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _undefined(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    service, kind, name = match["service"], match["kind"], match["name"]
    place, _ = refusal.find(
        f"services.{service}",
        lambda value: value == name or value.startswith((f"{name}:", f"service:{name}")),
    )
    where = f"{kind}s"
    return place or locate(refusal.text, f"services.{service}"), (
        gettext("Define %(name)s under `%(where)s:`, or correct the name.") % {"name": name, "where": where}
    )


def _service(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    return locate(refusal.text, f"services.{match['service']}"), ""


def _no_image(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    return locate(refusal.text, f"services.{match['service']}"), gettext("Give it an `image:`.")


def _container_name(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    place = locate(refusal.text, f"services.{match['service']}.container_name")
    return place, gettext("Remove container_name, or run one container of the service.")


def _cycle(refusal: _Refusal, match: re.Match[str]) -> tuple[Place, str]:
    return locate(refusal.text, f"services.{match['service']}.depends_on"), gettext(
        "Remove one of these depends_on."
    )


_TABLE: list[tuple[re.Pattern[str], Callable[[_Refusal, re.Match[str]], tuple[Place, str]]]] = [
    (re.compile(r"^(?P<path>\S+) Additional property (?P<key>.+?) is not allowed"), _additional),
    (re.compile(r"required variable (?P<name>\w+) is missing a value"), _required),
    (re.compile(r"env file (?P<name>.+?) not found"), _env_file),
    (re.compile(r"^(?:open|stat) (?P<name>.+?): no such file"), _other_file),
    (re.compile(r"invalid spec: (?P<value>.+): [a-z ]+$"), _value_of("volumes")),
    (re.compile(r"No port specified: (?P<value>\S+)"), _value_of("ports", "expose")),
    (
        re.compile(r"[Ii]nvalid (?:containerPort|hostPort|port|proto)[^:]*: (?P<value>.+)"),
        _value_of("ports", "expose"),
    ),
    (
        re.compile(
            r'service "(?P<service>[^"]+)" (?:depends on|refers to) undefined (?P<kind>\w+) '
            r'"?(?P<name>[^" ]+)"?'
        ),
        _undefined,
    ),
    (re.compile(r'service "(?P<service>[^"]+)" has neither an image nor a build'), _no_image),
    (re.compile(r'service "(?P<service>[^"]+)"'), _service),
    (re.compile(r"dependency cycle detected: (?P<service>\S+)"), _cycle),
    (re.compile(r"^(?P<path>[\w.-]+) must be "), _path),
    (re.compile(r"can't set container_name and (?P<service>\S+) as"), _container_name),
    (re.compile(r"^yaml: .*?line (?P<line>\d+):"), _yaml_line),
]
