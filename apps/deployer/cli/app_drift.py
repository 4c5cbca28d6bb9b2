"""What `manage.py app drift` does: say in what an app differs from its current version."""

from dataclasses import asdict
from typing import Any

from apps.applications.services import get_app
from apps.deployer.cli.command import FAILED, SUCCEEDED
from apps.deployer.cli.output import Output
from apps.deployer.engine_errors import EngineUnreachable
from apps.deployer.state.app_state import UNREACHABLE
from apps.deployer.state.states import app_states


def drift(options: dict[str, Any], output: Output) -> int:
    """List the differences; the exit code is 1 where there are any. While an event runs there are none."""
    app = get_app(options["slug"])
    state = app_states([app.slug])[app.slug]
    if state == UNREACHABLE:
        raise EngineUnreachable
    if app.events.coming().exists():
        state = state.with_event()
    version = app.current_version.number if app.current_version else None
    if output.as_json:
        output.json(
            {
                "app": app.slug,
                "version": version,
                "state": state.state,
                "differences": [asdict(one) for one in state.differences],
            }
        )
    else:
        output.lines(one.text for one in state.differences)
        if state.state == "deploying":
            output.say(f"An event of {app.slug} is queued or runs; ask again when it has ended.")
        elif version is None:
            output.say(f"{app.slug} has not been deployed yet; there is nothing that it could differ from.")
        elif not state.differences:
            output.say(f"{app.slug} is as version {version} left it.")
    return FAILED if state.differences else SUCCEEDED
