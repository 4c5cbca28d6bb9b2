"""What the engine tells of itself, as it prints it."""

import json

import pytest

from apps.deployer.prune import inventory
from apps.deployer.prune.inventory import (
    Container,
    Image,
    Network,
    bytes_of,
    find_sizes,
    shown_size,
    take_inventory,
    used_bytes,
)
from apps.deployer.runner.interface import Outcome
from apps.deployer.runner.mock_runner import MockRunner

LABELS = {"com.docker.compose.project": "shop", "com.docker.compose.oneoff": "True"}
TAGGED = {"id": "sha256:1", "names": ["demo/web:1"], "digests": None, "parent": "", "size": 12}
NAMELESS = {
    "id": "sha256:2",
    "names": ["<none>:<none>"],
    "digests": ["<none>@<none>"],
    "parent": "sha256:1",
    "size": 5,
}
RUN = {
    "id": "c1",
    "name": "/shop-job-run-1",
    "image": "sha256:1",
    "state": "exited",
    "labels": LABELS,
    "networks": {"shop_default": {"NetworkID": "n1"}},
}
TASK = {
    "id": "c2",
    "name": "/task",
    "image": "sha256:2",
    "state": "exited",
    "labels": {"com.docker.swarm.task.id": "t"},
    "networks": None,
}


def test_it_reads_images_containers_and_networks() -> None:
    runner = (
        MockRunner()
        .on("image", "ls", lines=["sha256:1", "sha256:2", "sha256:1"])
        .on("image", "inspect", lines=[json.dumps(TAGGED), json.dumps(NAMELESS)])
        .on("ps", lines=["c1", "c2"])
        # One went away in between.
        .on("container", "inspect", lines=[json.dumps(RUN), json.dumps(TASK)], exit_code=1)
        .on("network", "ls", lines=['["n1","shop_default","shop"]', '["n2","bridge",""]'])
    )

    inventory = take_inventory(runner)

    assert inventory.images == (
        Image("sha256:1", ("demo/web:1",), (), "", 12),
        Image("sha256:2", (), (), "sha256:1", 5),
    )
    networks = frozenset({"shop_default", "n1"})
    assert inventory.containers == (
        Container("c1", "shop-job-run-1", "sha256:1", "exited", "shop", True, False, networks),
        Container("c2", "task", "sha256:2", "exited", "", False, True),
    )
    assert inventory.networks == (Network("n1", "shop_default", "shop"), Network("n2", "bridge"))
    # Whatever uses an image by the time it is listed is seen afterwards.
    verbs = [argv[1:3] for argv in runner.commands()]
    assert verbs.index(["image", "ls"]) < verbs.index(["ps", "--all"])


def test_an_empty_engine_is_not_inspected() -> None:
    runner = MockRunner()
    assert take_inventory(runner).images == ()
    assert not [argv for argv in runner.commands() if "inspect" in argv]


def test_it_reads_what_docker_system_df_says() -> None:
    cache = [("false", "false", "regular"), ("true", "false", "regular"), ("false", "true", "regular")]
    cache += [("false", "false", "internal"), ("false", "false", "frontend")]
    usage = {
        "Images": [{"ID": "sha256:1", "UniqueSize": "1.984MB"}],
        "Containers": [{"ID": "c1", "Size": "12.3kB"}],
        "BuildCache": [
            {"InUse": used, "Shared": shared, "CacheType": kind, "Size": f"{10**n}MB"}
            for n, (used, shared, kind) in enumerate(cache, start=1)
        ],
    }
    sizes = find_sizes(MockRunner().on("df", "--verbose", lines=[json.dumps(usage)]))
    assert sizes is not None
    assert (sizes.images, sizes.containers) == ({"sha256:1": 1_984_000}, {"c1": 12_300})
    assert sizes.build_cache == 10_000_000


def test_volumes_do_not_count_as_used() -> None:
    kinds = {"Images": "5.3GB", "Containers": "1kB", "Local Volumes": "99GB", "Build Cache": "0B"}
    lines = [json.dumps({"Type": kind, "Size": size}) for kind, size in kinds.items()]
    assert used_bytes(MockRunner().on("df", lines=lines)) == 5_300_001_000


def test_an_engine_that_measures_for_another_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_TURN", 0.01)
    busy = [("stderr", "Error response from daemon: a disk usage operation is already running")]
    runner = MockRunner().on("df", lines=busy, exit_code=1).on("df", lines=busy, exit_code=1)
    runner.on("df", lines=[json.dumps({"Type": "Images", "Size": "1kB"})])
    assert used_bytes(runner) == 1000

    always = MockRunner().on("df", lines=busy, exit_code=1)
    monkeypatch.setattr(inventory, "_SIZES_TIMEOUT", 0.05)
    assert used_bytes(always) is None


@pytest.mark.parametrize("how", [{"exit_code": 1}, {"outcome": Outcome.TIMED_OUT, "exit_code": 143}, {}])
def test_an_engine_that_cannot_count_in_time_is_no_error(how: dict[str, object]) -> None:
    runner = MockRunner().on("df", **how)  # type: ignore[arg-type]
    assert find_sizes(runner) is None
    assert used_bytes(runner) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("1.984MB", 1_984_000), ("512B", 512), ("1.5TB", 1_500_000_000_000), ("N/A", 0)],
)
def test_sizes_as_docker_writes_them(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "not known"), (0, "0 B"), (999, "999 B"), (1_984_000, "1.984 MB"), (123_456_789_012, "123.5 GB")],
)
def test_sizes_as_people_read_them(size: int | None, text: str) -> None:
    assert shown_size(size) == text
