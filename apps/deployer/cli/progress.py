"""How the progress of an event is shown: as plain lines, or on a terminal as a live list of its steps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from django.utils import timezone
from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from apps.deployer.cli.output import STATUS_STYLES, Output, OutputClosed, printable
from apps.deployments import approvals
from apps.deployments.logs import LogLine
from apps.deployments.models import DeployEvent
from apps.deployments.states import Status

_REFRESHES_PER_SECOND = 10
# What is next and is taken within this time did not wait.
_NOT_WORTH_TELLING = timedelta(seconds=1)


class Progress(Protocol):
    """What the follower of an event tells as it goes."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def state(self, event: DeployEvent, position: int) -> None:
        """Show the status, place in the queue and steps of `event` as they are now."""

    def lines(self, lines: Sequence[LogLine]) -> None:
        """Show the next lines of its output."""

    def say(self, text: str) -> None:
        """Show a remark."""


def progress_of(output: Output) -> Progress:
    """Return the form that suits who reads `output`."""
    return TerminalProgress(output) if output.is_terminal else PlainProgress(output)


class _OutputLines:
    """Where the lines of the event go: standard output, or standard error where that holds JSON."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._closed = False

    def write(self, lines: Sequence[LogLine]) -> None:
        """Write `lines`; a reader that went away does not end what it was reading about."""
        if self._closed:
            return
        try:
            if self.output.as_json:
                for line in lines:
                    self.output.say(line.text)
            else:
                self.output.lines(line.text for line in lines)
        except OutputClosed:
            self._closed = True


class Silence:
    """Nothing is shown; only the end counts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def state(self, event: DeployEvent, position: int) -> None:
        """Show nothing."""

    def lines(self, lines: Sequence[LogLine]) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


class PlainProgress:
    """One line for each change, on standard error."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines = _OutputLines(output)
        self._said: set[str] = set()
        self._waited = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def state(self, event: DeployEvent, position: int) -> None:
        if event.awaits_approval:
            self._once(waiting_sentence(event))
        if event.status == Status.QUEUED and position:
            long = timezone.now() - event.queued_at > _NOT_WORTH_TELLING
            self._waited = self._waited or position > 1 or long
            if self._waited:
                self._once(f"Queued, place {position}.")
        for step in event.steps:
            finished = step.get("finished_at")
            self._once(f"Step {step['name']}: {_step_end(step)}" if finished else f"Step {step['name']} ...")

    def lines(self, lines: Sequence[LogLine]) -> None:
        self._lines.write(lines)

    def say(self, text: str) -> None:
        self._output.say(text)

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._output.say(text)


class TerminalProgress:
    """The steps with their times at the bottom of the terminal, the output scrolling above them."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines = _OutputLines(output)
        self._console: Console = output.console(output.news)
        self._event: DeployEvent | None = None
        self._position = 0
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def state(self, event: DeployEvent, position: int) -> None:
        self._event, self._position = event, position

    def lines(self, lines: Sequence[LogLine]) -> None:
        if self._output.as_json or self._output.data.isatty():
            # Through the console that draws the steps, or the two would overwrite each other.
            text = "\n".join(printable(line.text) for line in lines)
            self._console.print(Text(text), soft_wrap=True)
        else:
            self._lines.write(lines)

    def say(self, text: str) -> None:
        self._console.print(Text(printable(text), style="yellow"), soft_wrap=True)

    def _render(self) -> RenderableType:
        event = self._event
        if event is None:
            return Text("")
        grid = Table.grid(padding=(0, 2))
        if event.status == Status.QUEUED:
            where = ", waits for approval" if event.awaits_approval else f", place {self._position}"
            waiting = Text.assemble(("queued", "cyan"), where)
            grid.add_row(self._spinner, waiting, _seconds(event.queued_at, timezone.now()))
        for step in event.steps:
            grid.add_row(*self._row(event, step))
        return grid

    def _row(self, event: DeployEvent, step: dict[str, Any]) -> tuple[RenderableType, RenderableType, str]:
        started = _moment(step.get("started_at"))
        finished = _moment(step.get("finished_at")) or event.finished_at
        mark: RenderableType = self._spinner
        if finished:
            ended_well = step.get("finished_at") and not step.get("exit_code")
            is_last = step is event.steps[-1]
            failed = is_last and event.is_terminal and event.status != Status.SUCCEEDED
            style = STATUS_STYLES[event.status] if failed else "green" if ended_well else "red"
            mark = Text("✗" if failed or not ended_well else "✓", style=style)
        return mark, Text(printable(step["name"])), _seconds(started, finished or timezone.now())


def waiting_sentence(event: DeployEvent) -> str:
    """Return what `event` waits for, and for how long at most."""
    until = timezone.localtime(approvals.expires_at(event))
    return (
        f"{event.slug} is protected: another person has to approve event {event.pk} in the panel, "
        f"on /events/{event.pk}/, until {until:%Y-%m-%d %H:%M %Z}."
    )


def seconds_taken(event: DeployEvent) -> str:
    """Return how long `event` ran, as in "4.2 s"; an empty text where it never did."""
    return _seconds(event.started_at, event.finished_at)


def _step_end(step: dict[str, Any]) -> str:
    took = _seconds(_moment(step.get("started_at")), _moment(step.get("finished_at")))
    code = step.get("exit_code")
    return f"{took}, exit code {code}." if code else f"{took}."


def _seconds(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return ""
    seconds = max(0.0, (end - start).total_seconds())
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
