"""A runner that starts nothing: it records each call and answers from a script."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Self

from django.utils import timezone

from apps.deployer.runner.interface import (
    LINE_LIMIT,
    TAIL_LINES,
    TERMINATED,
    CancelToken,
    CommandResult,
    Line,
    Outcome,
    Sink,
    Stream,
)
from apps.deployer.runner.terminal import Terminal


@dataclass(frozen=True)
class Call:
    """One call of `run` as it was made."""

    argv: list[str]
    env: dict[str, str] | None = None
    cwd: Path | None = None
    stdin: bytes | None = None
    timeout: float | None = None
    cancel: CancelToken = field(default_factory=CancelToken, compare=False)


@dataclass(frozen=True)
class Answer:
    """What a scripted command prints and how it ends.

    A line is a text on stdout, or a pair of stream and text. `before` is called first, with the call:
    to change the world as the command would, to raise, or to hold the command up.
    """

    lines: Sequence[str | tuple[Stream, str]] = ()
    exit_code: int = 0
    outcome: Outcome = Outcome.EXITED
    blocks_until_cancelled: bool = False
    before: Callable[[Call], None] | None = None


@dataclass
class _Rule:
    words: tuple[str, ...]
    answers: list[Answer | Callable[[Call], Answer]] = field(default_factory=list)

    def matches(self, argv: Sequence[str]) -> bool:
        """Return whether the words stand in argv in this order, with anything between them."""
        rest = iter(argv)
        return all(word in rest for word in self.words)


class MockRunner:
    """Answer each command from the script; a command without a rule prints nothing and exits with 0.

    >>> runner = MockRunner().on("pull", lines=["no basic auth credentials"], exit_code=1)

    The latest rule that matches wins. Rules with the same words answer one after the other, and the last
    of these answers stays: `.on("up", exit_code=1).on("up")` fails once.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._rules: list[_Rule] = []
        self._lock = Lock()

    def on(
        self,
        *words: str,
        lines: Sequence[str | tuple[Stream, str]] = (),
        exit_code: int = 0,
        outcome: Outcome = Outcome.EXITED,
        blocks_until_cancelled: bool = False,
        before: Callable[[Call], None] | None = None,
        answer: Callable[[Call], Answer] | None = None,
    ) -> Self:
        """Answer a command whose argv holds `words` in this order; `answer` computes it from the call.

        A rule that blocks prints its lines first and ends by the cancel token or the time limit.
        """
        rule = next((rule for rule in self._rules if rule.words == words), None)
        if rule is None:
            rule = _Rule(words)
            self._rules.append(rule)
        rule.answers.append(answer or Answer(lines, exit_code, outcome, blocks_until_cancelled, before))
        return self

    def commands(self) -> list[list[str]]:
        """Return the argv of each call, in order."""
        with self._lock:
            return [call.argv for call in self.calls]

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        sink: Sink | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
        stdin: bytes | None = None,
        line_limit: int = LINE_LIMIT,
        mark_returns: bool = False,
    ) -> CommandResult:
        """Record the call and return the scripted end; see CommandRunner.run."""
        if cancel is not None and cancel.cancelled:
            return CommandResult(TERMINATED, [], Outcome.CANCELLED)
        token = cancel or CancelToken()
        call = Call(list(argv), None if env is None else dict(env), cwd, stdin, timeout, token)
        answer = self._answer(call)
        if answer.before is not None:
            answer.before(call)
        tail = []
        for entry in answer.lines:
            line = (
                Line("stdout", entry, timezone.now())
                if isinstance(entry, str)
                else Line(*entry, timezone.now())
            )
            tail.append(line.text)
            if sink is not None:
                sink(line)
        tail = tail[-TAIL_LINES:]
        if answer.blocks_until_cancelled:
            if cancel is None and timeout is None:
                raise AssertionError(f"{call.argv} blocks for ever: it has no cancel token and no time limit")
            ended = Outcome.CANCELLED if token.wait(timeout) else Outcome.TIMED_OUT
            return CommandResult(TERMINATED, tail, ended)
        if token.cancelled:  # while `before` or the sink ran
            return CommandResult(TERMINATED, tail, Outcome.CANCELLED)
        return CommandResult(answer.exit_code, tail, answer.outcome)

    def run_in_terminal(
        self,
        argv: Sequence[str],
        terminal: Terminal,
        *,
        env: Mapping[str, str] | None = None,
        cancel: CancelToken | None = None,
        timeout: float | None = None,
    ) -> CommandResult:
        """Record the call, print the scripted lines to `terminal`, and return the scripted end."""

        def show(line: Line) -> None:
            terminal.output(line.text.encode() + b"\r\n")

        result = self.run(argv, env=env, sink=show, cancel=cancel, timeout=timeout)
        return CommandResult(result.exit_code, [], result.outcome)

    def _answer(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            rule = next((rule for rule in reversed(self._rules) if rule.matches(call.argv)), None)
            if rule is None:
                return Answer()
            answer = rule.answers.pop(0) if len(rule.answers) > 1 else rule.answers[0]
        return answer if isinstance(answer, Answer) else answer(call)
