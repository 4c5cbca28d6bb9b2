import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.deployer.runner.lines import LineSplitter


def split(*reads: bytes, limit: int = 65536, mark_returns: bool = False) -> list[str]:
    splitter = LineSplitter(limit, mark_returns=mark_returns)
    return [text for data in reads for text in splitter.feed(data)] + splitter.finish()


@pytest.mark.parametrize(
    ("reads", "lines"),
    [
        ([], []),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a\nb"], ["a", "b"]),
        ([b"a", b"b", b"\n", b"c"], ["ab", "c"]),
        ([b"a\n\n\nb\n"], ["a", "", "", "b"]),
        ([b"\n"], [""]),
        ([b"a\r\nb\r\n"], ["a", "b"]),
        ([b"a\r", b"\nb\n"], ["a", "b"]),
        ([b"a\r", b"\n", b"\nb\n"], ["a", "", "b"]),
        ([b"10%\r20%\r30%\n"], ["10%", "20%", "30%"]),
        ([b"10%\r", b"20%\r", b"\n"], ["10%", "20%"]),
        ([b"a\r", b"b\r"], ["a", "b"]),
        ([b"a\r\r\nb"], ["a", "", "b"]),
        ([b"a\n", b"", b"b\n"], ["a", "b"]),
    ],
)
def test_it_splits_at_every_kind_of_line_end_wherever_a_read_ends(reads, lines):
    assert split(*reads) == lines


@pytest.mark.parametrize(
    ("reads", "lines"),
    [
        ([b"10%\r20%\r30%\nnext\n"], ["10%", "\r20%", "\r30%", "next"]),
        ([b"10%\r", b"20%\n", b"next"], ["10%", "\r20%", "next"]),
        ([b"a\r\nb\r\n"], ["a", "b"]),
        ([b"a\r", b"\nb\r", b"\nc"], ["a", "b", "c"]),
        ([b"a\r\r\nb"], ["a", "\r", "b"]),
    ],
)
def test_what_follows_a_carriage_return_begins_with_it_where_that_is_asked_for(reads, lines):
    assert split(*reads, mark_returns=True) == lines


def test_a_progress_line_is_there_at_once():
    assert LineSplitter(100).feed(b"10%\r") == ["10%"]


def test_a_character_split_over_reads_arrives_whole():
    text = "Grüße, 世界 🚀"
    assert split(*(bytes([byte]) for byte in (text + "\n").encode())) == [text]


def test_invalid_utf8_becomes_a_replacement_and_spoils_no_other_line():
    assert split(b"a\xff\xe2\x82", b"\nb\xf0\x9f", b"\x9a\n", "c ü".encode()) == [
        "a\ufffd\ufffd",
        "b\ufffd",
        "c ü",
    ]


def test_nul_is_replaced():
    assert split(b"a\0b\nc\0") == ["a\ufffdb", "c\ufffd"]


def test_the_beginning_of_a_long_line_is_kept_and_the_rest_counted():
    (line,) = split(*[b"x" * 1000] * 100, b"\n", limit=5000)
    assert line == "x" * 5000 + " … (95,000 bytes of this line left out)"


def test_a_line_of_exactly_the_limit_is_whole():
    assert split(b"x" * 5000 + b"\n", limit=5000) == ["x" * 5000]
    assert split(b"x" * 5000, limit=5000) == ["x" * 5000]


def test_a_long_line_within_one_read_leaves_its_neighbours_alone():
    assert split(b"a\n" + b"x" * 20 + b"\nb\n", limit=10) == [
        "a",
        "x" * 10 + " … (10 bytes of this line left out)",
        "b",
    ]


def test_the_limit_does_not_leave_half_a_character():
    (line,) = split("é".encode() * 10, limit=5)
    assert line == "éé … (15 bytes of this line left out)"


def test_a_long_line_without_end_holds_no_more_than_the_limit():
    splitter = LineSplitter(1000)
    for _ in range(1000):
        splitter.feed(b"x" * 10_000)
    assert len(splitter._begun) == 1000


@given(st.text(alphabet="ab\n\r é\0", max_size=60), st.integers(0, 2**32), st.integers(1, 50), st.booleans())
def test_where_reads_end_makes_no_difference(text, seed, limit, mark):
    data = text.encode()
    cuts = random.Random(seed)
    reads, rest = [], data
    while rest:
        size = cuts.randint(1, len(rest))
        reads.append(rest[:size])
        rest = rest[size:]
    assert split(*reads, limit=limit, mark_returns=mark) == split(data, limit=limit, mark_returns=mark)
    if "\0" not in text:
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        assert split(*reads) == (plain.removesuffix("\n").split("\n") if plain else [])
