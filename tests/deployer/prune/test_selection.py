"""What a prune would remove, and what it must never: decided without an engine."""

import pytest

from apps.deployer.prune.inventory import Container, Image, Inventory, Network, Sizes
from apps.deployer.prune.needs import Needs
from apps.deployer.prune.selection import Kind, Selection, select

SHOP, GONE, FOREIGN = "simpledeploy-shop", "simpledeploy-gone", "somebody-elses"


def needs(*needed: str) -> Needs:
    """Return the needs of a live app shop and a removed app gone, which have used names like demo/web:1."""
    return Needs(
        images={reference: {"shop": "version 3"} for reference in needed},
        used_names={"demo/web:1", "demo/web:2", "other/web:1"},
        live_projects=frozenset({SHOP}),
        removed_projects=frozenset({GONE}),
    )


def names(selection: Selection, kind: Kind) -> list[str]:
    return [item.name for item in selection.of(kind)]


def image(pk: str, *tags: str, digests: tuple[str, ...] = (), parent: str = "") -> Image:
    return Image(pk, tags, digests, parent, size=1000)


def images_that_go(*images: Image, needed: str = "", containers: tuple[Container, ...] = ()) -> list[str]:
    selection = select(Inventory(images, containers), needs(needed), None)
    return [item.id for item in selection.of(Kind.IMAGES)]


def container(pk: str, project: str = "", state: str = "exited", **more: object) -> Container:
    return Container(pk, f"name-{pk}", "sha256:1", state, project, **more)  # type: ignore[arg-type]


def test_an_image_that_a_container_uses_stays_whatever_its_state() -> None:
    for state in ("running", "exited", "created", "dead", "paused"):
        assert images_that_go(image("sha256:1"), containers=(container("c", FOREIGN, state),)) == []


def test_an_image_without_a_name_goes_unless_an_app_needs_it() -> None:
    old = image("sha256:1", digests=("demo/web@sha256:a",))

    assert images_that_go(old) == ["sha256:1"]
    assert images_that_go(old, needed="sha256:1") == []
    assert images_that_go(old, needed="demo/web@sha256:a") == []


def test_an_image_with_a_name_goes_only_where_an_app_used_that_name_and_needs_it_no_more() -> None:
    assert images_that_go(image("sha256:1", "demo/web:1")) == ["sha256:1"]
    assert images_that_go(image("sha256:1", "demo/web:1"), needed="demo/web:1") == []
    assert images_that_go(image("sha256:1", "busybox:latest")) == []
    # Somebody gave it another name.
    assert images_that_go(image("sha256:1", "demo/web:1", "mine:1")) == []


def test_what_others_were_built_on_stays_and_so_does_what_a_needed_one_was_built_on() -> None:
    base, child = image("sha256:1"), image("sha256:2", parent="sha256:1")
    assert images_that_go(base, child) == ["sha256:2"]
    (item,) = select(Inventory((base, child)), needs(), None).of(Kind.IMAGES)
    assert not item.keep_parents
    (item,) = select(Inventory((base, child)), needs("sha256:1"), None).of(Kind.IMAGES)
    assert item.keep_parents


@pytest.mark.parametrize(
    ("one", "references"),
    [
        (image("sha256:1"), ("sha256:1",)),
        (image("sha256:1", "demo/web:1", digests=("demo/web@sha256:a",)), ("sha256:1",)),
        (image("sha256:1", "demo/web:1", "demo/web:2"), ("demo/web:1", "demo/web:2")),
        (
            image("sha256:1", "demo/web:1", digests=("demo/web@sha256:a", "moved/web@sha256:a")),
            ("demo/web:1", "moved/web@sha256:a"),
        ),
        (image("sha256:1", digests=("a@sha256:a", "b@sha256:a")), ("a@sha256:a", "b@sha256:a")),
    ],
)
def test_an_image_goes_by_its_id_unless_several_names_stand_for_it(
    one: Image, references: tuple[str, ...]
) -> None:
    (item,) = select(Inventory((one,)), needs(), None).of(Kind.IMAGES)
    assert item.references == references


def test_what_is_kept_says_for_whom() -> None:
    kept = image("sha256:1", digests=("demo/web@sha256:a",))
    in_use = image("sha256:2", "demo/web:1")
    containers = (Container("c", "c", "sha256:2", "running", SHOP),)

    selection = select(Inventory((kept, in_use), containers), needs("sha256:1", "demo/web:1"), None)

    told = [(one.name, one.reasons) for one in selection.kept]
    assert told == [("demo/web@sha256:a", ("shop: version 3",))]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (container("c", GONE), "its app was removed"),
        (container("c", GONE, "running"), ""),
        (container("c", SHOP), ""),  # a finished job
        (container("c", SHOP, one_off=True), "docker compose run left it"),
        (container("c", SHOP, "running", one_off=True), ""),
        (container("c", FOREIGN), ""),
        (container("c", FOREIGN, one_off=True), ""),
        (container("c"), "it is stopped and of no project"),
        (container("c", state="created"), "it is stopped and of no project"),
        (container("c", state="running"), ""),
        (container("c", state="paused"), ""),
        (container("c", orchestrated=True), ""),
    ],
)
def test_containers_that_are_left_over(one: Container, why: str) -> None:
    selection = select(Inventory(containers=(one,)), needs(), None)
    assert [item.why for item in selection.of(Kind.CONTAINERS)] == ([why] if why else [])


def test_networks_of_the_panels_projects_that_no_container_uses() -> None:
    networks = (
        Network("n1", "shop_renamed", SHOP),
        Network("n2", "shop_default", SHOP),
        Network("n3", "shop_by_id", SHOP),
        Network("n4", "gone_default", GONE),
        Network("n5", "somebody_default", FOREIGN),
        Network("n6", "bridge"),
    )
    containers = (container("c", SHOP, networks=frozenset({"shop_default", "n3"})),)

    selection = select(Inventory((), containers, networks), needs(), None)

    assert [(item.name, item.why) for item in selection.of(Kind.NETWORKS)] == [
        ("shop_renamed", "no container of its app uses it"),
        ("gone_default", "its app was removed"),
    ]
    # An app without any container (scaled to 0) may get some in a moment.
    assert names(select(Inventory((), (), networks), needs(), None), Kind.NETWORKS) == ["gone_default"]


def test_sizes_are_what_removing_frees() -> None:
    inventory = Inventory((image("sha256:1"), image("sha256:2")), (container("c"),))
    sizes = Sizes({"sha256:1": 10}, {"c": 5}, 7)
    found = select(Inventory(inventory.images), needs(), sizes)
    assert (found.size_of(Kind.IMAGES), found.size_of(Kind.BUILD_CACHE)) == (1010, 7)
    assert select(inventory, needs(), sizes).size_of(Kind.CONTAINERS) == 5
    assert select(inventory, needs(), None).size_of(Kind.CONTAINERS) is None
    assert select(Inventory(), needs(), None).size_of(Kind.BUILD_CACHE) is None


def test_it_is_narrowed_to_what_somebody_has_seen() -> None:
    found = select(Inventory((image("sha256:1"), image("sha256:2"))), needs(), None)
    assert [item.id for item in found.narrowed({Kind.IMAGES: ["sha256:2", "sha256:9"]})] == ["sha256:2"]
    assert found.narrowed({Kind.NETWORKS: ["sha256:2"]}) == ()
    assert found.narrowed({}) == ()
