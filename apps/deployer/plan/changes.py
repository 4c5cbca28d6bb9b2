"""Why a service's container no longer fits: the differences of two resolved services, never with a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.sentences import names_told, sentence
from apps.deployer.plan.ports import published

# These make no difference to a container that exists.
_IGNORED = frozenset({"build", "pull_policy", "scale", "profiles", "develop", "attach"})
# Lists of mappings, and the key by which an entry is known.
_NAMED_BY = {"volumes": "target", "configs": "source", "secrets": "source"}
_MOST_NAMES = 20


@dataclass(frozen=True)
class Reason:
    """Why something happens to a service: the key of the Compose file (or a word of ours), and a phrase.

    `added`, `removed` and `changed` are names (of variables, labels, mounts, ports), never values.
    """

    key: str
    text: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Reason]:
    """Return what differs between two resolved services as far as it makes Compose recreate a container."""
    reasons = []
    for key in sorted((old.keys() | new.keys()) - _IGNORED, key=lambda key: (key != "image", key)):
        before, after = _comparable(key, old.get(key)), _comparable(key, new.get(key))
        if before == after:
            continue
        if key == "image":
            reasons.append(
                Reason(
                    key,
                    sentence(
                        "image: %(before)s → %(after)s",
                        before=before or sentence("built"),
                        after=after or sentence("built"),
                    ),
                )
            )
        else:
            reasons.append(_named(key, old, new) or Reason(key, key))
    return reasons


def _comparable(key: str, value: Any) -> Any:
    """Return what of a key's value counts: an empty one is as good as none."""
    if key == "deploy" and isinstance(value, Mapping):
        value = {name: part for name, part in value.items() if name not in ("replicas", "placement")}
    return value or None


def _named(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Reason | None:
    """Return which names differ where the key's values have names."""
    before, after = _by_name(key, old), _by_name(key, new)
    if before is None or after is None:
        return None
    added = tuple(sorted(after.keys() - before.keys()))
    removed = tuple(sorted(before.keys() - after.keys()))
    changed = tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name]))
    told = names_told(*map(_shortened, (added, removed, changed)))
    text = sentence("%(key)s: %(told)s", key=key, told=told) if told else key
    return Reason(key, text, added, removed, changed)


def _shortened(names: tuple[str, ...]) -> list[str]:
    shown = list(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        shown[-1] += " …"
    return shown


def _by_name(key: str, service: Mapping[str, Any]) -> dict[str, Any] | None:
    value = service.get(key)
    if key == "ports":
        return {str(port): port for port in published(service)} if _all_published(service) else None
    if value is None:
        return {}
    if key in _NAMED_BY and isinstance(value, list):
        return {str(entry.get(_NAMED_BY[key])): entry for entry in value if isinstance(entry, Mapping)}
    if key in ("environment", "labels", "networks", "depends_on") and isinstance(value, Mapping):
        return dict(value)
    return None


def _all_published(service: Mapping[str, Any]) -> bool:
    return all(port.get("published") for port in service.get("ports") or [])
