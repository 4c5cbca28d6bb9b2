"""What `manage.py app plan` does."""

from collections.abc import Iterator
from typing import Any

from apps.applications.content import InvalidContent
from apps.deployer import requests
from apps.deployer.cli.acting import acting
from apps.deployer.cli.app_actions import version_to_keep
from apps.deployer.cli.command import SUCCEEDED
from apps.deployer.cli.files import read_content, refusal
from apps.deployer.cli.output import Output
from apps.deployer.plan.plan import Plan, ServicePlan


def plan(options: dict[str, Any], output: Output) -> int:
    """Say what a deploy of a file as the app would do; change nothing."""
    slug, file, env_file = options["slug"], options["file"], options["env_file"]
    # As `deploy` would.
    kept = None if env_file is not None else version_to_keep(slug)
    try:
        content = read_content(file, env_file, kept_environment=kept.environment.reveal() if kept else "")
        found = requests.plan_deploy(slug, content, acting())
    except InvalidContent as error:
        raise refusal(error, file, env_file) from None
    show(found, output)
    return SUCCEEDED


def show(found: Plan, output: Output) -> None:
    """Write a plan: as JSON, or as a table with what a table has no place for."""
    if output.as_json:
        output.json(found.as_dict())
        return
    output.table(["ACTION", "WHAT", "NAME", "WHY"], _rows(found))
    for style, line in _notes(found):
        output.say(line, style=style)


def _rows(found: Plan) -> Iterator[list[str]]:
    for service in found.services:
        yield [service.action, "service", service.service, _why(service)]
    for kind, resources in (("network", found.networks), ("volume", found.volumes)):
        for resource in resources:
            yield [resource.action, kind, resource.name, ""]
    for image in found.images:
        yield [image.action, "image", image.image, f"for {', '.join(image.services)}"]


def _why(service: ServicePlan) -> str:
    words = [reason.text for reason in service.reasons]
    if service.now and service.now != service.wanted and service.wanted:
        words.insert(0, f"{service.now} → {service.wanted} containers")
    return "; ".join(words)


def _notes(found: Plan) -> Iterator[tuple[str, str]]:
    """Yield what a table has no place for, each with its style."""
    for clash in found.clashes:
        yield "red", f"{clash.service}: {clash.what} is taken by {clash.holder}."
    if found.failure:
        yield "red", f"Compose's dry run ends with: {found.failure}"
    if found.unset:
        yield "yellow", f"Without a value in the environment: {', '.join(found.unset)}."
    for warning in found.warnings:
        yield "yellow", warning
    if not found.changes_something:
        yield "", "The deploy would change nothing."
