"""The Compose policy as a whole: what of a content is refused, at which line, and what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from apps.applications import environment
from apps.applications.compose_file import tree
from apps.applications.content import Content
from apps.applications.host_rules.before import Place, Reads, exchanged, read_by_compose
from apps.applications.host_rules.ground import Ground, lies_below
from apps.applications.host_rules.mounts import binds, source_of
from apps.applications.host_rules.nodes import place_of
from apps.applications.host_rules.resources import file_rules, model_rules, network_rules, volume_rules
from apps.applications.host_rules.rules import Found, HostRights, HostRule, Path, unknown
from apps.applications.host_rules.services import service_rules
from apps.applications.host_rules.shapes import mapping, text
from apps.applications.host_rules.variables import steering
from apps.applications.problems import Problem

_KEYS = frozenset({"name", "version", "services", "networks", "volumes", "secrets", "configs", "models"})


def reads_of(content: Content, ground: Ground) -> Reads:
    """Return what Compose would read for `content`, and what of that and its environment asks too much."""
    values = environment.values(content.environment)
    reads = read_by_compose(content.yaml, values, ground)
    reads.found += steering(values)
    return reads


def asked_by(model: Mapping[str, Any], reads: Reads, ground: Ground) -> list[Found]:
    """Return what the `model` that Compose made of a content asks of the host. `reads` came before it."""
    found = list(service_rules(mapping(model.get("services")), ground))
    found += network_rules(mapping(model.get("networks")), ground)
    found += volume_rules(mapping(model.get("volumes")), ground)
    found += file_rules("secrets", mapping(model.get("secrets")), ground)
    found += file_rules("configs", mapping(model.get("configs")), ground)
    found += model_rules(mapping(model.get("models")))
    found += [unknown((str(key),)) for key in model if key not in _KEYS and not str(key).startswith("x-")]
    found += _exchangeable(model, reads, ground)
    return found


def writable_in(model: Mapping[str, Any], ground: Ground) -> tuple[str, ...]:
    """Return the paths in the app's folder that containers of the `model` may write."""
    sources = (source_of(mount) for _path, mount in binds(model) if not mount.get("read_only"))
    return tuple(sorted({ground.real(source) for source in sources if ground.has(source)}))


def problems(found: Iterable[Found], rights: HostRights, content: Content) -> list[Problem]:
    """Return a problem for each thing in `found` that `rights` do not allow, with its line."""
    root = tree(content.yaml)
    refused = []
    for one in found:
        if rights.allow(one):
            continue
        advice = gettext("Ask an administrator to allow “%(label)s” for this app, or take it out.") % {
            "label": one.rule.label
        }
        message = f"{one.sentence} {advice}"
        if one.rule == HostRule.ENVIRONMENT:
            refused.append(Problem(_line_of(one.subject, content), None, message, "environment"))
            continue
        # What the file itself has nothing of came in by its `include`.
        place = one.place or place_of(root, one.path, one.hint) or place_of(root, ("include",), "")
        line, column = place or (None, None)
        refused.append(Problem(line, column, message))
    return list(dict.fromkeys(refused))


def _exchangeable(model: Mapping[str, Any], reads: Reads, ground: Ground) -> Iterator[Found]:
    """Yield what a container of the `model`, or one that runs now, can put something else in the place of."""
    used = _used(model, reads, ground)
    places = [
        one for one in used if ground.is_deep(one.real) or (one.is_read and not ground.is_panels(one.real))
    ]
    writable = (*writable_in(model, ground), *ground.writable) if places else ()
    for one in places:
        folder = lies_below(one.real, writable) or (one.real if one.is_read and one.real in writable else "")
        if folder:
            shown = one.real.removeprefix(f"{ground.root}/")
            yield Found(
                one.rule,
                one.path,
                exchanged(shown, folder),
                subject=one.real,
                hint=shown,
                place=one.place,
            )


@dataclass(frozen=True)
class _Used:
    """A real path in the app's folder that Compose or Docker uses, and where that is asked for."""

    rule: HostRule
    real: str
    path: Path = ()
    place: Place = None
    is_read: bool = False  # by Compose itself, so that its very content counts


def _used(model: Mapping[str, Any], reads: Reads, ground: Ground) -> Iterator[_Used]:
    for real, place in reads.files:
        yield _Used(HostRule.FILES, real, place=place, is_read=True)
    for path, mount in binds(model):
        if ground.has(source_of(mount)):
            yield _Used(HostRule.HOST_PATHS, ground.real(source_of(mount)), path)
    for section in ("secrets", "configs"):
        for key, entry in mapping(model.get(section)).items():
            source = text(mapping(entry).get("file"))
            if source and ground.has(source):
                yield _Used(HostRule.FILES, ground.real(source), (section, str(key), "file"))
    for name, service in mapping(model.get("services")).items():
        context = text(mapping(mapping(service).get("build")).get("context"))
        if context and ground.has(context):
            yield _Used(HostRule.FILES, ground.real(context), ("services", str(name), "build", "context"))


def _line_of(name: str, content: Content) -> int | None:
    lines = [one.line for one in environment.parse(content.environment).assignments if one.name == name]
    return lines[-1] if lines else None
