"""What `manage.py app retry` does."""

from typing import Any

from apps.core.errors import NotFound
from apps.deployer.cli.acting import acting
from apps.deployer.cli.app_actions import started
from apps.deployer.cli.app_plan import show
from apps.deployer.cli.command import REFUSED, SUCCEEDED
from apps.deployer.cli.output import Output
from apps.deployer.inquiry import PlanOutdated
from apps.deployer.retry import plan_retry, submit_retry
from apps.deployments.models import DeployEvent


def retry(options: dict[str, Any], output: Output) -> int:
    """Ask once more for what an event did not bring about; with --plan only say what that would do."""
    by, pk = acting(), options["event"]
    event = DeployEvent.objects.select_related("app__current_version", "version").filter(pk=pk).first()
    if event is None:
        raise NotFound(f"There is no event {pk}.")
    if options["plan"]:
        plan = plan_retry(event, by)
        show(plan, output)
        output.say(f"To do just this: manage.py app retry {pk} --planned {plan.fingerprint}")
        return SUCCEEDED
    override = options["without_approval"] or ""
    try:
        again = submit_retry(event, by, planned=options["planned"], without_approval=override)
    except PlanOutdated as error:
        show(error.plan, output)
        output.say(str(error), style="red")
        return REFUSED
    return started(again, options, output, by)
