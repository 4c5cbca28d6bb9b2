"""The argv of every command that removes something: built here, run by a CommandRunner."""

from apps.deployer.programs import docker_program
from apps.deployer.prune.selection import Item, Kind


def remove(item: Item) -> list[str]:
    """Remove `item`; without --force the engine itself refuses what is in use. Volumes stay."""
    match item.kind:
        case Kind.CONTAINERS:
            words = ["container", "rm"]
        case Kind.NETWORKS:
            words = ["network", "rm"]
        case Kind.IMAGES:
            words = ["image", "rm", *(["--no-prune"] if item.keep_parents else [])]
        case Kind.BUILD_CACHE:
            raise AssertionError("the build cache is removed as a whole")
    return [docker_program(), *words, *item.references]


def prune_build_cache(seconds: int) -> list[str]:
    """Remove the build cache that no image shares and that was not used within the last `seconds`."""
    return [docker_program(), "builder", "prune", "--force", "--filter", f"until={seconds}s"]
