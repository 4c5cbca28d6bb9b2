"""What `manage.py app adopt` and `manage.py engine projects` do."""

from collections.abc import Iterator
from typing import Any

from apps.deployer.adopt import requests as adopt_requests
from apps.deployer.adopt.plan import AdoptionPlan
from apps.deployer.adopt.requests import AdoptionOutdated
from apps.deployer.cli.acting import acting
from apps.deployer.cli.app_actions import started
from apps.deployer.cli.command import REFUSED, SUCCEEDED
from apps.deployer.cli.output import Output


def list_projects(options: dict[str, Any], output: Output) -> int:
    """List the Compose projects that run beside the panel's apps, with the files they come from."""
    projects = adopt_requests.list_projects()
    if output.as_json:
        output.json_list(project.as_dict() for project in projects)
        return SUCCEEDED
    rows = (
        [
            project.name,
            ", ".join(project.services),
            f"{project.running} of {len(project.containers)}",
            ", ".join(file.path for file in project.files),
            " ".join(project.problems),
        ]
        for project in projects
    )
    output.table(["PROJECT", "SERVICES", "RUNNING", "FILES", "CANNOT BE ADOPTED"], rows)
    return SUCCEEDED


def adopt(options: dict[str, Any], output: Output) -> int:
    """Take a project over as an app; with --plan only say what that would do."""
    project = options["project"]
    slug = options["slug"] or adopt_requests.proposed_slug(project)
    by = acting()
    plan = adopt_requests.plan_adoption(project, slug, by)
    if options["plan"]:
        _show(plan, output)
        return SUCCEEDED
    for sentence in (*plan.lost, *plan.warnings):
        output.say(sentence, style="yellow")
    try:
        event = adopt_requests.submit_adopt(project, slug, by, planned=options["planned"] or plan.fingerprint)
    except AdoptionOutdated as error:
        _show(error.plan, output)
        output.say(str(error), style="red")
        return REFUSED
    return started(event, options, output, by)


def _show(plan: AdoptionPlan, output: Output) -> None:
    if output.as_json:
        output.json(plan.as_dict())
        return
    output.table(["ACTION", "WHAT", "NOW", "AS THE APP"], _rows(plan))
    for sentence in plan.lost:
        output.say(f"Lost: {sentence}", style="red")
    for sentence in plan.warnings:
        output.say(sentence, style="yellow")
    output.say(
        f"To do just this: manage.py app adopt {plan.project} --as {plan.slug} --planned {plan.fingerprint}"
    )


def _rows(plan: AdoptionPlan) -> Iterator[list[str]]:
    for one in plan.containers:
        yield [one.action, f"container of {one.service}", one.old_name, one.new_name]
    for volume in plan.volumes:
        yield ["keep", "volume", volume, volume]
    for bind in plan.binds:
        yield ["keep", "path", bind, bind]
    for network in plan.networks:
        others = f" (also in it: {', '.join(network.attached)})" if network.attached else ""
        yield [network.action, "network", network.old_name + others, network.new_name]
