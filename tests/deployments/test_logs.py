from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.db import IntegrityError

from apps.applications.models import App
from apps.deployments.logs import (
    PAGE_CHARACTERS,
    LogLine,
    append_lines,
    as_text,
    as_text_async,
    last_seq,
    read_lines,
)
from apps.deployments.models import DeployEvent, DeployLog
from apps.deployments.states import Action

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def event_id() -> int:
    app = App.objects.create(slug="shop", name="Shop")
    return DeployEvent.objects.create(app=app, slug="shop", action=Action.DEPLOY, requested_by="alice").pk


def _lines(first: int, count: int) -> list[tuple[datetime, str, str]]:
    return [(AT, "stdout", f"line {seq}") for seq in range(first, first + count)]


def test_lines_are_read_back_as_they_were_written(event_id):
    append_lines(event_id, 1, [(AT, "stdout", "Pulling ✓"), (AT, "stderr", "")])
    assert read_lines(event_id) == [
        LogLine(1, "2026-03-01T12:00:00.123+00:00", "stdout", "Pulling ✓"),
        LogLine(2, "2026-03-01T12:00:00.123+00:00", "stderr", ""),
    ]


def test_reading_goes_on_after_a_line_in_the_middle_of_a_chunk(event_id):
    append_lines(event_id, 1, _lines(1, 10))
    append_lines(event_id, 11, _lines(11, 5))
    assert [line.seq for line in read_lines(event_id, after=7)] == list(range(8, 16))
    assert [line.text for line in read_lines(event_id, after=14)] == ["line 15"]
    assert read_lines(event_id, after=15) == []
    assert read_lines(event_id, after=2**40) == []


def test_a_limit_cuts_within_a_chunk(event_id):
    append_lines(event_id, 1, _lines(1, 10))
    assert [line.seq for line in read_lines(event_id, after=2, limit=3)] == [3, 4, 5]


def test_many_small_chunks_are_read_as_one(event_id):
    for seq in range(1, 101):
        append_lines(event_id, seq, _lines(seq, 1))
    assert [line.seq for line in read_lines(event_id)] == list(range(1, 101))
    assert [line.seq for line in read_lines(event_id, after=3, limit=50)] == list(range(4, 54))


def test_a_page_stays_small_where_lines_are_long(event_id):
    append_lines(event_id, 1, [(AT, "stdout", "x" * 64 * 1024)] * 20)
    page = read_lines(event_id)
    assert len(page) == PAGE_CHARACTERS // (64 * 1024)
    assert len(read_lines(event_id, after=page[-1].seq)) == len(page)


def test_the_lines_of_another_event_are_not_read(event_id):
    app = App.objects.create(slug="other", name="Other")
    other = DeployEvent.objects.create(app=app, slug="other", action=Action.STOP, requested_by="bob").pk
    append_lines(other, 1, _lines(1, 3))
    assert read_lines(event_id) == []
    assert (last_seq(event_id), last_seq(other)) == (0, 3)


def test_writing_the_same_chunk_again_changes_nothing(event_id):
    append_lines(event_id, 1, _lines(1, 3))
    append_lines(event_id, 1, _lines(1, 3))
    assert DeployLog.objects.count() == 1


def test_numbers_that_are_taken_by_other_lines_are_refused(event_id):
    append_lines(event_id, 1, _lines(1, 3))
    with pytest.raises(IntegrityError):
        append_lines(event_id, 1, _lines(5, 3))


def test_the_text_has_every_line_with_its_time(event_id):
    append_lines(event_id, 1, _lines(1, 1500))
    text = "".join(as_text(event_id))
    assert text.splitlines()[1499] == "2026-03-01T12:00:00.123+00:00 line 1500"
    assert len(text.splitlines()) == 1500


@pytest.mark.django_db(transaction=True)
def test_the_text_can_be_streamed_without_blocking_the_loop(event_id):
    append_lines(event_id, 1, _lines(1, 1500))

    async def collect() -> str:
        return "".join([part async for part in as_text_async(event_id)])

    assert async_to_sync(collect)() == "".join(as_text(event_id))
