import logging
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, OperationalError

from apps.applications.models import App
from apps.core.secret import MASK
from apps.deployer import log_buffer
from apps.deployer.log_buffer import CHUNK_LINES, LogBuffer
from apps.deployer.redaction import Redactor
from apps.deployer.runner.interface import CancelToken, Line
from apps.deployments.logs import append_lines, read_lines
from apps.deployments.models import DeployEvent, DeployLog
from apps.deployments.states import Action
from tests.lab.waiting import wait_until

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

# The buffer writes from a thread of its own, which only sees what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event_id() -> int:
    app = App.objects.create(slug="shop", name="Shop")
    return DeployEvent.objects.create(app=app, slug="shop", action=Action.DEPLOY, requested_by="alice").pk


def _line(text: str, stream: str = "stdout") -> Line:
    return Line(stream, text, AT)


def _all_lines(event_id: int) -> list:
    found, after = [], 0
    while page := read_lines(event_id, after):
        found += page
        after = page[-1].seq
    return found


class _Broken:
    """Stands for a database that refuses writes until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, *, after_writing: bool = False):
        self.mended = threading.Event()
        self.refused = threading.Event()
        self._error, self._after_writing = error, after_writing
        monkeypatch.setattr(log_buffer, "append_lines", self._append)

    def _append(self, *args) -> None:
        if self.mended.is_set():
            append_lines(*args)
            return
        if self._after_writing:
            append_lines(*args)
            self.mended.set()
        self.refused.set()
        raise self._error


@pytest.fixture
def no_hurry(monkeypatch):
    """What may go on in the next line is waited for as long as it takes."""
    monkeypatch.setattr(log_buffer, "_OPEN_SECONDS", 60)


def test_lines_are_numbered_in_order_and_keep_stream_and_time(event_id):
    with LogBuffer(event_id) as log:
        log.add(_line("one"))
        log.add(_line("two", "stderr"))
        log.say("Three.\nFour.")
    stored = _all_lines(event_id)
    assert [(line.seq, line.stream, line.text) for line in stored] == [
        (1, "stdout", "one"),
        (2, "stderr", "two"),
        (3, "panel", "Three."),
        (4, "panel", "Four."),
    ]
    assert stored[0].at == "2026-03-01T12:00:00.000+00:00"


def test_a_second_buffer_of_an_event_goes_on_counting(event_id):
    with LogBuffer(event_id) as log:
        log.say("one")
    with LogBuffer(event_id) as log:
        log.say("two")
    assert [(line.seq, line.text) for line in _all_lines(event_id)] == [(1, "one"), (2, "two")]


def test_secrets_are_replaced_before_anything_is_stored(event_id):
    with LogBuffer(event_id, Redactor(["correct-horse"])) as log:
        log.add(_line("password=correct-horse"))
        log.say("It was correct-horse.")
        assert log.tail() == [f"password={MASK}", f"It was {MASK}."]
    assert [line.text for line in _all_lines(event_id)] == [f"password={MASK}", f"It was {MASK}."]


def test_what_a_database_refuses_in_a_text_is_replaced(event_id):
    with LogBuffer(event_id) as log:
        log.add(_line("a\0b \ud800 é"))
    assert _all_lines(event_id)[0].text == "a�b ? é"


def test_the_tail_is_the_last_fifty_lines(event_id):
    with LogBuffer(event_id) as log:
        for n in range(120):
            log.add(_line(str(n)))
        assert log.tail() == [str(n) for n in range(70, 120)]


def test_fifty_thousand_lines_are_stored_once_each_in_chunks(event_id):
    with LogBuffer(event_id) as log:
        for n in range(50_000):
            log.add(_line(f"line {n}"))
    stored = _all_lines(event_id)
    assert [line.seq for line in stored] == list(range(1, 50_001))
    assert [line.text for line in stored] == [f"line {n}" for n in range(50_000)]
    assert max(len(lines) for lines in DeployLog.objects.values_list("lines", flat=True)) <= CHUNK_LINES
    assert DeployLog.objects.count() < 300


def test_the_first_line_goes_out_at_once_and_the_next_ones_together(event_id):
    with LogBuffer(event_id, batch_seconds=1) as log:
        time.sleep(1.05)
        start = time.monotonic()
        log.add(_line("first"))
        while not read_lines(event_id):
            assert time.monotonic() - start < 0.9, "the first line waits for a batch"
            time.sleep(0.005)
        for n in range(5):
            log.add(_line(str(n)))
            time.sleep(0.01)
        while DeployLog.objects.count() < 2:
            time.sleep(0.01)
        assert list(DeployLog.objects.order_by("first_seq").values_list("first_seq", "last_seq")) == [
            (1, 1),
            (2, 6),
        ]


def test_it_announces_lines_once_they_are_stored(event_id, monkeypatch):
    announced = []

    def written(event, first_seq, lines):
        assert [line.seq for line in read_lines(event, first_seq - 1)] == [line.seq for line in lines]
        announced.extend(lines)

    monkeypatch.setattr(log_buffer.live, "lines_written", written)
    with LogBuffer(event_id) as log:
        for n in range(1000):
            log.add(_line(str(n)))
    assert announced == _all_lines(event_id)


def test_an_error_of_the_database_is_tried_again(event_id, monkeypatch):
    broken = _Broken(monkeypatch, OperationalError("database is locked"))
    with LogBuffer(event_id) as log:
        log.add(_line("one"))
        assert broken.refused.wait(2)
        log.add(_line("two"))
        broken.mended.set()
    assert [line.text for line in _all_lines(event_id)] == ["one", "two"]


def test_an_error_that_comes_after_the_write_makes_no_line_twice(event_id, monkeypatch):
    _Broken(monkeypatch, OperationalError("server closed the connection"), after_writing=True)
    with LogBuffer(event_id) as log:
        log.add(_line("one"))
    assert [(line.seq, line.text) for line in _all_lines(event_id)] == [(1, "one")]


def test_lines_that_somebody_else_added_are_kept_and_come_first(event_id):
    with LogBuffer(event_id) as log:
        log.add(_line("one"))
        while not read_lines(event_id):
            time.sleep(0.005)
        append_lines(event_id, 2, [(AT, "panel", "taken for dead")])
        log.add(_line("two"))
    assert [line.text for line in _all_lines(event_id)] == ["one", "taken for dead", "two"]


def test_a_database_that_never_answers_loses_lines_but_neither_hangs_nor_raises(
    event_id, monkeypatch, caplog
):
    _Broken(monkeypatch, DatabaseError("disk is full"))
    log = LogBuffer(event_id, close_seconds=0.1)
    caplog.set_level(logging.ERROR)
    start = time.monotonic()
    with log:
        log.add(_line("one"))
        log.add(_line("two"))
    assert time.monotonic() - start < 20
    assert "its last 2 lines of output could not be stored: disk is full" in caplog.text


def test_a_producer_that_is_too_fast_waits_and_loses_nothing(event_id, monkeypatch):
    monkeypatch.setattr(log_buffer, "MAX_UNWRITTEN", 2000)
    broken = _Broken(monkeypatch, OperationalError("database is locked"))
    with LogBuffer(event_id, patience=30) as log:
        producer = threading.Thread(target=lambda: [log.add(_line("x" * 100)) for _ in range(50)])
        producer.start()
        producer.join(0.3)
        assert producer.is_alive(), "nothing holds the producer back"
        assert log._unwritten <= 2000
        broken.mended.set()
        producer.join(20)
        assert not producer.is_alive()
    assert [line.text for line in _all_lines(event_id)] == ["x" * 100] * 50


def test_lines_lost_for_want_of_room_are_said_where_they_are_missing(event_id, monkeypatch):
    monkeypatch.setattr(log_buffer, "MAX_UNWRITTEN", 2000)
    broken = _Broken(monkeypatch, OperationalError("database is locked"))
    with LogBuffer(event_id, patience=0.1) as log:
        for n in range(50):
            log.add(_line(f"{n} " + "x" * 100))
        broken.mended.set()
        while len(_all_lines(event_id)) < 5:
            time.sleep(0.01)
        log.add(_line("after"))
    texts = [line.text for line in _all_lines(event_id)]
    kept = len(texts) - 2
    assert [text.split()[0] for text in texts[:kept]] == [str(n) for n in range(kept)]
    assert (
        texts[kept] == f"{50 - kept} lines of output were lost here: the database did not store them in time."
    )
    assert texts[-1] == "after"


def test_a_cancel_ends_the_wait_for_room(event_id, monkeypatch):
    monkeypatch.setattr(log_buffer, "MAX_UNWRITTEN", 500)
    broken = _Broken(monkeypatch, OperationalError("database is locked"))
    cancel = CancelToken()
    with LogBuffer(event_id, cancel=cancel, patience=60) as log:
        log.add(_line("x" * 400))
        threading.Timer(0.1, cancel.cancel).start()
        start = time.monotonic()
        log.add(_line("y" * 400))
        assert time.monotonic() - start < 30
        broken.mended.set()


def test_a_closed_log_takes_no_line(event_id):
    with LogBuffer(event_id) as log:
        log.say("one")
    log.close()
    with pytest.raises(ValueError, match="closed"):
        log.say("two")


@pytest.mark.usefixtures("no_hurry")
def test_a_secret_that_is_broken_over_lines_is_hidden_in_each_of_them(event_id):
    secret = "correct-horse-battery-staple"
    with LogBuffer(event_id, Redactor([secret])) as log:
        for text in ("key: corre", "ct-horse-bat", "tery-staple;", "correct", "ion"):
            log.add(_line(text))
        assert log.tail() == [f"key: {MASK}", MASK, f"{MASK};", "correct", "ion"]
    texts = [line.text for line in _all_lines(event_id)]
    assert texts == [f"key: {MASK}", MASK, f"{MASK};", "correct", "ion"]


@pytest.mark.usefixtures("no_hurry")
def test_base64_that_is_wrapped_is_hidden(event_id):
    secret = "".join(chr(ord("a") + n * 7 % 26) for n in range(150))
    coded = b64encode(secret.encode()).decode()
    with LogBuffer(event_id, Redactor([secret])) as log:
        for start in range(0, len(coded), 76):
            log.add(_line(coded[start : start + 76]))
    assert [line.text for line in _all_lines(event_id)] == [MASK] * 3


@pytest.mark.usefixtures("no_hurry")
def test_lines_of_other_streams_between_do_not_hide_a_broken_secret(event_id):
    with LogBuffer(event_id, Redactor(["correct-horse-battery"])) as log:
        log.add(_line("correct-ho"))
        log.add(_line("Pulling", "stderr"))
        log.add(_line("rse-battery"))
    assert [line.text for line in _all_lines(event_id)] == [MASK, "Pulling", MASK]


def test_most_of_a_secret_is_hidden_even_where_the_rest_never_comes(event_id):
    with LogBuffer(event_id, Redactor(["correct-horse"])) as log:
        log.add(_line("correct-hors"))
        log.add(_line(""))
        log.add(_line("e"))
    assert [line.text for line in _all_lines(event_id)] == [MASK, "", "e"]


def test_a_line_that_may_begin_a_secret_goes_out_soon(event_id):
    with LogBuffer(event_id, Redactor(["correct-horse-battery"])) as log:
        log.add(_line("this is correct"))
        wait_until(lambda: _all_lines(event_id), "the line is stored")
        log.add(_line("-horse-battery"))
    # What was stored stays as it is; the rest of the secret does not follow it.
    assert [line.text for line in _all_lines(event_id)] == ["this is correct", MASK]
