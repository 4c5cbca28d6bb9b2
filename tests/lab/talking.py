"""Containers that print what they are told to, so that nothing comes unasked for."""

from tests.lab.engine import Engine

# A service's command, in a Compose file: what its /tmp/say is told runs, and its output is the container's.
TALKS = 'mkfifo /tmp/say; echo begins; while :; do sh -c "$$(cat /tmp/say)"; done'


def say(engine: Engine, container: str, command: str) -> None:
    """Let `container` run `command`, whose output is its own, as soon as it listens."""
    listened_to = "until [ -p /tmp/say ]; do sleep 0.1; done; cat > /tmp/say"
    engine.run("exec", "-i", container, "sh", "-c", listened_to, input=command)
