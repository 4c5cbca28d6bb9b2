"""The Compose policy as a whole: what of a content is refused, at which line, and what to do."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apps.applications import environment
from apps.applications.compose_file import tree
from apps.applications.content import Content
from apps.applications.host_rules.before import Place, Reads, exchanged, read_by_compose
from apps.applications.host_rules.ground import Ground, lies_below
from apps.applications.host_rules.mounts import binds, source_of
from apps.applications.host_rules.nodes import place_of
from apps.applications.host_rules.resources import file_rules, model_rules, network_rules, volume_rules
from apps.applications.host_rules.rules import Found, HostRights, HostRule
from apps.applications.host_rules.services import service_rules, unknown
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
        advice = f"Ask an administrator to allow “{one.rule.label}” for this app, or take it out."
        message = f"{one.sentence} {advice}"
        if one.rule == HostRule.ENVIRONMENT:
            refused.append(Problem(_line_of(one.subject, content), None, message, "environment"))
            continue
        line, column = one.place or place_of(root, one.path, one.hint) or (None, None)
        refused.append(Problem(line, column, message))
    return list(dict.fromkeys(refused))


def _exchangeable(model: Mapping[str, Any], reads: Reads, ground: Ground) -> Iterator[Found]:
    """Yield what a container of the `model`, or one that runs now, can put something else in the place of."""
    writable = tuple({*writable_in(model, ground), *ground.writable})
    for path, mount in binds(model):
        source = source_of(mount)
        folder = lies_below(ground.real(source), writable) if ground.has(source) else ""
        if folder:
            sentence = exchanged(ground.shown(source), folder)
            yield Found(HostRule.HOST_PATHS, path, sentence, subject=ground.real(source), hint=source)
    places: list[tuple[str, tuple[str, ...], Place]] = [(real, (), place) for real, place in reads.files]
    for section in ("secrets", "configs"):
        for key, entry in mapping(model.get(section)).items():
            source = text(mapping(entry).get("file"))
            if source and ground.has(source):
                places.append((ground.real(source), (section, str(key), "file"), None))
    for name, service in mapping(model.get("services")).items():
        context = text(mapping(mapping(service).get("build")).get("context"))
        if context and ground.has(context):
            places.append((ground.real(context), ("services", str(name), "build", "context"), None))
    for real, keys, place in places:
        folder = real if real in writable and not keys else lies_below(real, writable)
        if folder:
            shown = real.removeprefix(f"{ground.root}/")
            sentence = exchanged(shown, folder)
            yield Found(HostRule.FILES, keys, sentence, subject=real, hint=shown, place=place)


def _line_of(name: str, content: Content) -> int | None:
    lines = [one.line for one in environment.parse(content.environment).assignments if one.name == name]
    return lines[-1] if lines else None
