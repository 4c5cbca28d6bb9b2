import threading
import time

import pytest

from apps.deployer.runner.interface import CancelToken, Line, Outcome, OutputTooLong, collect
from apps.deployer.runner.mock_runner import Answer, MockRunner


def test_it_records_each_call(tmp_path):
    runner = MockRunner()
    result = runner.run(["docker", "pull"], env={"A": "1"}, cwd=tmp_path, stdin=b"x", timeout=3)
    assert result.ok
    assert result.tail == []
    (call,) = runner.calls
    assert (call.argv, call.env, call.cwd, call.stdin, call.timeout) == (
        ["docker", "pull"],
        {"A": "1"},
        tmp_path,
        b"x",
        3,
    )
    assert runner.commands() == [["docker", "pull"]]


def test_it_answers_by_words_in_order_with_lines_and_exit_code():
    runner = MockRunner().on("compose", "pull", lines=["one", ("stderr", "two")], exit_code=1)
    lines: list[Line] = []
    result = runner.run(["docker", "compose", "-p", "x", "pull"], sink=lines.append)
    assert [(line.stream, line.text) for line in lines] == [("stdout", "one"), ("stderr", "two")]
    assert (result.exit_code, result.tail, result.ok) == (1, ["one", "two"], False)
    assert runner.run(["docker", "pull", "compose"]).ok


def test_the_tail_is_the_last_fifty_lines():
    runner = MockRunner().on("up", lines=[str(number) for number in range(80)])
    assert runner.run(["up"]).tail == [str(number) for number in range(30, 80)]


def test_the_same_words_answer_in_turn_and_the_last_answer_stays():
    runner = MockRunner().on("up", exit_code=1).on("up")
    assert [runner.run(["up"]).exit_code for _ in range(3)] == [1, 0, 0]


def test_the_latest_matching_rule_wins():
    runner = MockRunner().on("up", exit_code=1).on("up", "web", exit_code=2)
    assert runner.run(["up", "web"]).exit_code == 2
    assert runner.run(["up", "db"]).exit_code == 1


def test_an_answer_can_be_computed_and_can_raise():
    runner = MockRunner().on("ps", answer=lambda call: Answer([call.argv[-1]]))
    assert runner.run(["ps", "web"]).tail == ["web"]

    def fail(call: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        MockRunner().on("up", before=fail).run(["up"])


def test_it_blocks_until_cancelled():
    token = CancelToken()
    runner = MockRunner().on("pull", lines=["Pulling"], blocks_until_cancelled=True)
    started = time.monotonic()
    threading.Timer(0.05, token.cancel).start()
    result = runner.run(["pull"], cancel=token)
    assert time.monotonic() - started >= 0.04
    assert (result.outcome, result.tail, result.ok) == (Outcome.CANCELLED, ["Pulling"], False)


def test_it_blocks_until_its_time_limit():
    runner = MockRunner().on("pull", blocks_until_cancelled=True)
    assert runner.run(["pull"], cancel=CancelToken(), timeout=0.01).outcome is Outcome.TIMED_OUT


def test_a_rule_that_would_block_for_ever_is_an_error():
    with pytest.raises(AssertionError, match="no cancel token"):
        MockRunner().on("pull", blocks_until_cancelled=True).run(["pull"])


def test_a_cancelled_command_does_not_start():
    token = CancelToken()
    token.cancel()
    runner = MockRunner()
    assert runner.run(["up"], cancel=token).outcome is Outcome.CANCELLED
    assert runner.calls == []


def test_a_cancel_while_lines_come_ends_it():
    token = CancelToken()
    runner = MockRunner().on("up", lines=["x"])
    assert runner.run(["up"], cancel=token, sink=lambda line: token.cancel()).outcome is Outcome.CANCELLED


def test_collect_keeps_the_streams_apart():
    runner = MockRunner().on("config", lines=["{", ("stderr", "warning"), "}"], exit_code=3)
    answer = collect(runner, ["config"])
    assert (answer.stdout, answer.stderr, answer.exit_code, answer.ok) == ("{\n}\n", "warning\n", 3, False)


def test_collect_ends_a_command_that_does_not_stop_printing():
    runner = MockRunner().on("config", lines=["x" * 10] * 100)
    with pytest.raises(OutputTooLong, match="more than 500 characters"):
        collect(runner, ["config"], limit=500)


def test_a_token_calls_back_within_the_block_only_and_at_once_where_it_is_cancelled():
    token = CancelToken()
    called: list[str] = []
    with token.calling(lambda: called.append("before")):
        pass
    with token.calling(lambda: called.append("within")):
        token.cancel()
        token.cancel()
    with token.calling(lambda: called.append("after")):
        pass
    assert called == ["within", "after"]
    assert token.wait(0)
