"""How every external command is started: the interface, its default, and the mock for tests."""

from functools import cache

from apps.deployer.runner.interface import CommandRunner
from apps.deployer.runner.subprocess_runner import SubprocessRunner


@cache
def default_runner() -> CommandRunner:
    """Return the runner that the panel uses; it holds no state of a command and serves all threads."""
    return SubprocessRunner()
