"""How far a pull has come, read from what Compose prints of it.

Compose prints a line for each service ("web Pulling"; from version 5 on "Image nginx:1 Pulling") and lines
for each layer, which do not say whose layer it is (`--progress plain`; JSON is not in every Compose that the
panel works with). A layer belongs to the one image that was being pulled when it was first named; where
several were, those drop out that are complete while it is not, until one is left.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from apps.deployer.prune.inventory import bytes_of
from apps.deployments import logs
from apps.deployments.models import DeployEvent

# What the engine says of a layer (moby, distribution/pull_v2.go), and how much is done by then; the first
# half is the download.
_LAYER = re.compile(
    r"\s*(?P<id>[0-9a-f]{12}) (?P<state>Pulling fs layer|Waiting|Downloading|Verifying Checksum"
    r"|Download complete|Extracting|Pull complete|Already exists)\b(?P<rest>.*)"
)
_WAITS, _LOADED, _DONE = 0.0, 0.5, 1.0
_REACHED = {
    "Pulling fs layer": _WAITS,
    "Waiting": _WAITS,
    "Verifying Checksum": _LOADED,
    "Download complete": _LOADED,
    "Pull complete": _DONE,
    "Already exists": _DONE,
}
_BYTES = re.compile(r"\s(?P<now>\d+(?:\.\d+)?[kMGT]?B)/(?P<all>\d+(?:\.\d+)?[kMGT]?B)")

_IMAGE = re.compile(
    r"\s*(?:Image )?(?P<name>[\w./:@-]+) "
    r"(?P<state>Pulling|Pulled|Skipped|Error|Warning|Interrupted)\b(?P<rest>.*)"
)
PULLING, PULLED, SKIPPED, FAILED = "pulling", "pulled", "skipped", "failed"
# Where an image cannot be pulled and its service can be built, Compose warns and goes on.
_STATES = {"Pulling": PULLING, "Pulled": PULLED, "Skipped": SKIPPED, "Warning": SKIPPED}


@dataclass
class _Layer:
    candidates: frozenset[str]  # whose it may be
    reached: float = _WAITS  # from 0 to 1
    size: int = 0  # bytes to download; 0: not told
    loaded: int = 0


@dataclass(frozen=True)
class Progress:
    """How far one image, or what several have in common, has come; `name` is empty for the latter.

    Sizes are bytes to download, and 0 where Compose did not tell them of every layer.
    """

    name: str
    state: str
    note: str
    layers: int
    layers_done: int
    size: int
    loaded: int
    reached: float  # of `layers`


@dataclass
class PullProgress:
    """What the lines that it was fed say."""

    _images: dict[str, tuple[str, str]] = field(default_factory=dict)  # by name: state and note
    _layers: dict[str, _Layer] = field(default_factory=dict)

    def feed(self, texts: Iterable[str]) -> None:
        """Take note of more lines of the output."""
        for text in texts:
            if found := _LAYER.fullmatch(text):
                self._take_layer(found)
            elif found := _IMAGE.fullmatch(text):
                self._take_image(found)

    def images(self) -> list[Progress]:
        """Return how far each image has come, in the order in which Compose named them."""
        return [self._progress(name, *known, frozenset({name})) for name, known in self._images.items()]

    def shared(self) -> Progress | None:
        """Return how far those layers have come whose image is not known; None where there are none."""
        found = self._progress("", PULLING, "", None)
        return found if found.layers else None

    def _take_layer(self, found: re.Match[str]) -> None:
        layer = self._layers.get(found["id"])
        if layer is None:
            pulling = frozenset(name for name, (state, _note) in self._images.items() if state == PULLING)
            layer = self._layers[found["id"]] = _Layer(pulling)
        state = found["state"]
        told = _BYTES.search(found["rest"])
        share = 0.0
        if told:
            now, size = bytes_of(told["now"]), bytes_of(told["all"])
            share = min(1.0, now / size) if size else 0.0
            layer.size = layer.size or size
        if state == "Downloading":
            reached = share * _LOADED
        elif state == "Extracting":
            reached = _LOADED + share * (_DONE - _LOADED)
        else:
            reached = _REACHED[state]
        # The engine tells of a layer that two images have twice, and may begin anew after an error.
        begins = state in ("Pulling fs layer", "Downloading")
        layer.reached = reached if begins else max(layer.reached, reached)
        layer.loaded = layer.size if layer.reached >= _LOADED else int(layer.reached / _LOADED * layer.size)

    def _take_image(self, found: re.Match[str]) -> None:
        name, state = found["name"], _STATES.get(found["state"], FAILED)
        self._images[name] = (state, found["rest"].strip(" -"))
        if state != PULLED:
            return
        for layer in self._layers.values():
            if layer.reached < _DONE and len(layer.candidates) > 1:
                layer.candidates -= {name}

    def _progress(self, name: str, state: str, note: str, of: frozenset[str] | None) -> Progress:
        layers = [
            layer
            for layer in self._layers.values()
            if (len(layer.candidates) != 1 if of is None else layer.candidates == of)
        ]
        is_told = all(layer.size or layer.reached == _DONE for layer in layers)
        return Progress(
            name,
            state,
            note,
            layers=len(layers),
            layers_done=sum(layer.reached == _DONE for layer in layers),
            size=sum(layer.size for layer in layers) if is_told else 0,
            loaded=sum(layer.loaded for layer in layers) if is_told else 0,
            reached=round(sum(layer.reached for layer in layers), 3),
        )


# A page asks once a second, and only what was printed since is read.
_KEPT = 16
_known: OrderedDict[tuple[int, datetime], tuple[PullProgress, int]] = OrderedDict()
_lock = Lock()


def pull_progress(event: DeployEvent) -> PullProgress:
    """Return how far the pull of `event` has come, by its stored output."""
    # A database that was put back gives a number to another event.
    key = (event.pk, event.queued_at)
    with _lock:
        progress, seq = _known.pop(key, (PullProgress(), 0))
        while lines := logs.read_lines(event.pk, after=seq):
            progress.feed(line.text for line in lines if line.stream != "panel")
            seq = lines[-1].seq
        _known[key] = progress, seq
        while len(_known) > _KEPT:
            _known.popitem(last=False)
        return progress
