"""An engine with somebody's own project on it, played by a MockRunner."""

import json
from dataclasses import asdict
from typing import Any

from apps.deployer.runner.mock_runner import Answer, Call
from apps.deployer.verdict.verdict import Expectation
from apps.deployments.models import DeployEvent
from apps.deployments.queue import enqueue
from apps.deployments.states import Action
from tests.deployer.conftest import ANN, Lab, told

OLD, NEW = "blog", "simpledeploy-demo"


class OldEngine:
    """Project `blog` with a running web, whose name is fixed, and a side that stands still."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.containers: dict[str, dict[str, str]] = {
            "old-web": {"name": "front", "project": OLD, "service": "web", "state": "running",
                        "restart": "on-failure:3"},
            "old-side": {"name": "blog-side-1", "project": OLD, "service": "side", "state": "exited",
                         "restart": "no"},
        }  # fmt: skip
        self.networks = {"blog_default": ["old-web", "old-side"]}
        self.new_state = "running"
        self.is_away = False
        runner = lab.runner
        runner.on("ps", "--format", answer=self._users)
        runner.on("ps", "--quiet", "--filter", answer=self._list)
        runner.on("inspect", "--type", "container", answer=self._inspect)
        runner.on("stop", answer=lambda call: self._set(call, "exited"))
        runner.on("start", answer=lambda call: self._set(call, "running"))
        runner.on("update", answer=self._update)
        runner.on("rename", answer=self._rename)
        runner.on("rm", answer=self._remove)
        runner.on("network", "ls", answer=lambda _call: Answer(sorted(self.networks)))
        runner.on("network", "rm", answer=self._remove_network)
        runner.on("compose", "up", answer=self._up)
        runner.on("compose", "down", answer=self.down)

    def adoption(self) -> DeployEvent:
        """Queue the adoption of the project as the app of the lab."""
        return enqueue(
            self.lab.app,
            Action.ADOPT,
            ANN,
            version=self.lab.version(),
            arguments={"project": OLD, "containers": ["old-side", "old-web"], "names": ["front"]},
            expected=[asdict(Expectation("web", 1, False, False, False))],
            images={"web": {"image": "127.0.0.1:5999/demo/web:1"}},
        )

    def state(self) -> dict[str, str]:
        """Return {name: state} of all containers."""
        return {one["name"]: one["state"] for one in self.containers.values()}

    def restarts(self) -> dict[str, str]:
        """Return {name: restart policy} of all containers."""
        return {one["name"]: one.get("restart", "always") for one in self.containers.values()}

    def acts(self) -> list[str]:
        """Return the commands that change something, in order, as their verbs."""
        verbs = ("stop", "start", "update", "rename", "pull", "up", "down", "rm")
        commands = self.lab.runner.commands()
        return [next(word for word in argv if word in verbs) for argv in commands if set(argv) & set(verbs)]

    def _list(self, call: Call) -> Answer:
        if self.is_away:
            return Answer([("stderr", "Cannot connect to the Docker daemon")], 1)
        project = call.argv[-1].rpartition("=")[2]
        return Answer([id for id, one in self.containers.items() if one["project"] == project])

    def _inspect(self, call: Call) -> Answer:
        return Answer([_told(id, self.containers[id]) for id in call.argv if id in self.containers])

    def _users(self, _call: Call) -> Answer:
        rows = []
        for id, one in self.containers.items():
            inside = [name for name, members in self.networks.items() if id in members]
            rows.append(json.dumps([id, one["name"], ",".join(inside)]))
        return Answer(rows)

    def _set(self, call: Call, state: str) -> Answer:
        for id in call.argv:
            if id in self.containers:
                self.containers[id]["state"] = state
        return Answer()

    def _update(self, call: Call) -> Answer:
        for id in call.argv:
            if id in self.containers:
                self.containers[id]["restart"] = call.argv[2].removeprefix("--restart=")
        return Answer()

    def _rename(self, call: Call) -> Answer:
        id, name = call.argv[-2:]
        self.containers[id]["name"] = name
        return Answer()

    def _remove(self, call: Call) -> Answer:
        for id in call.argv:
            self.containers.pop(id, None)
        return Answer()

    def _remove_network(self, call: Call) -> Answer:
        return Answer(exit_code=0 if self.networks.pop(call.argv[-1], None) is not None else 1)

    def _up(self, _call: Call) -> Answer:
        if "front" in self.state():
            return Answer([("stderr", 'The container name "/front" is already in use')], 1)
        self.containers["new-web"] = {
            "name": "front", "project": NEW, "service": "web", "state": self.new_state,
        }  # fmt: skip
        return Answer()

    def up_and_fail(self, call: Call) -> Answer:
        """Make the new containers, and end as `up` does where one of them does not start."""
        self._up(call)
        return Answer(exit_code=1)

    def down(self, _call: Call) -> Answer:
        """Remove the new containers, as `down` does."""
        if self.is_away:
            return Answer(exit_code=1)
        self.containers = {id: one for id, one in self.containers.items() if one["project"] != NEW}
        return Answer()


def _told(id: str, one: dict[str, str]) -> str:
    container: dict[str, Any] = json.loads(told(one["service"], Status=one["state"]))
    container["Id"], container["Name"] = id, f"/{one['name']}"
    container["Config"]["Labels"]["com.docker.compose.project"] = one["project"]
    policy, _, tries = one.get("restart", "always").partition(":")
    container["HostConfig"]["RestartPolicy"] = {"Name": policy, "MaximumRetryCount": int(tries or 0)}
    return json.dumps(container)
