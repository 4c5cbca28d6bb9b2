import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.applications.content import InvalidContent
from apps.applications.environment import mask, parse, render, unmask, values, write
from apps.core.secret import MASK

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(
    lambda name: name != "PATH" and not name.startswith(("DOCKER_", "COMPOSE_", "SIMPLEDEPLOY_"))
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=plain", "plain"),
        ("A=", ""),
        ("A", None),
        ("A=a b", "a b"),
        ("  A =  padded \t", "padded"),
        ("export A=shell", "shell"),
        ("A=value # comment", "value"),
        ("A= # comment", ""),
        ("A=#no-comment", "#no-comment"),
        ("A=no#comment", "no#comment"),
        ("A=$HOME ${X} $$ `x`", "$HOME ${X} $$ `x`"),
        ("A=it's", "it's"),
        ("A=back\\slash\\n", "back\\slash\\n"),
        ("A=b=c", "b=c"),
        ("A=\u00a0kept\u00a0", "\u00a0kept\u00a0"),
        ("A=''", ""),
        ("A='$X # \"\\n'", '$X # "\\n'),
        ("A='two\nlines' # comment", "two\nlines"),
        ('A=""', ""),
        ('A="a\\nb\\rc\\td"', "a\nb\rc\td"),
        ('A="\\"\\\\\\$"', '"\\$'),
        ('A="\\\\n"', "\\n"),
        ('A="\\d\\0"', "\\d\\0"),
        ('A="two\nlines $X"', "two\nlines $X"),
        ("A=1\nA=2", "2"),
        ("#A=1\nA=3\n\n  # B", "3"),
    ],
)
def test_values_are_literal(text, value):
    if value is None:
        with pytest.raises(InvalidContent):
            values(text)
    else:
        assert values(text) == {"A": value}


@given(st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8")))
def test_any_value_can_be_written_in_double_quotes(value):
    escapes = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\r": "\\r", "\n": "\\n", "\t": "\\t"}
    written = "".join(escapes.get(character, character) for character in value)
    assert values(f'A="{written}"') == {"A": value}


def test_names_keep_their_order():
    assert list(values("B=1\nA=2\nC.d-e=3")) == ["B", "A", "C.d-e"]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("A=1\n  NAME\n", 2, 3, "Write NAME=value"),
        ("A: 1", 1, 1, "Write NAME=value"),
        ("export A", 1, 8, "Write A=value"),
        ("=x", 1, 1, "This is no name"),
        ("1A=x", 1, 1, "no digit first"),
        ("MY KEY=x", 1, 1, "A name holds no blanks"),
        ("Ä=x", 1, 1, "This is no name"),
        ("A='x\nB=1\n", 1, 3, "The quote ' that opens the value of A is never closed"),
        ('A=1\nB="x\\"\n', 2, 3, "never closed"),
        ("A='x'y", 1, 6, "text after the closing quote of A"),
        ("A='x'#y", 1, 6, "text after the closing quote of A"),
        ("PATH=/bin", 1, 1, "PATH would steer the docker command itself"),
        ("DOCKER_HOST=tcp://x", 1, 1, "DOCKER_HOST would steer"),
        ("COMPOSE_IGNORE_ORPHANS=1", 1, 1, "Remove or rename it"),
        ("SIMPLEDEPLOY_X=1", 1, 1, "SIMPLEDEPLOY_X would steer"),
    ],
)
def test_it_refuses_with_line_and_column(text, line, column, words):
    (problem,) = parse(text).problems
    assert (problem.line, problem.column, problem.source) == (line, column, "environment")
    assert words in problem.message


def test_a_refusal_does_not_repeat_the_value():
    for text in ("A='hunter2hunter2", "1A=hunter2hunter2", "A='x'hunter2hunter2", "A hunter2hunter2"):
        assert "hunter2" not in str(parse(text).problems[0])


def test_all_faults_are_told():
    assert [problem.line for problem in parse("A=1\nB\n1C='x\ny'\nD='z' z\nE=2").problems] == [2, 3, 5]


def test_a_value_that_no_program_could_be_started_with_is_refused():
    assert not parse("A=" + "x" * (131071 - 2)).problems
    (problem,) = parse("A=" + "x" * (131071 - 1)).problems
    assert "128 KiB" in problem.message


@given(st.dictionaries(names, st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"))))
def test_what_is_rendered_reads_back_where_no_dollar_or_backslash_is_in_it(found):
    # The others are in Compose's own writing, which tests/engine compares with Compose itself.
    plain = {n: value for n, value in found.items() if value != MASK and not set(value) & set("$\\'\r")}
    assert values(render(plain)) == plain


@given(st.dictionaries(names, st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"))))
def test_what_is_written_says_just_the_values(found):
    # The mask alone is no value.
    found = {name: value for name, value in found.items() if value != MASK}
    text = write(found)
    assert parse(text).problems == []
    assert values(text) == found


@pytest.mark.parametrize(
    "line", ["x" * 250_000, " " * 250_000, "A=" + " " * 250_000 + "x", "A='" + "\\" * 250_000]
)
def test_one_long_line_takes_no_time(line):
    started = time.thread_time()
    parse(line)
    assert time.thread_time() - started < 2


def test_many_lines_take_no_time():
    text = "A='x'\n" * 40_000
    started = time.thread_time()
    assert unmask(mask(text), text) == text
    assert time.thread_time() - started < 5


TEXT = """\
# Database
DB_HOST=db   # the service
export DB_PASSWORD='hunter2
second line' # rotated
EMPTY=
# OLD_PASSWORD=hunter1
"""


def test_mask_hides_values_and_keeps_the_rest():
    assert mask(TEXT) == (
        f"# Database\nDB_HOST={MASK}   # the service\nexport DB_PASSWORD={MASK} # rotated\nEMPTY=\n"
        f"# OLD_PASSWORD={MASK}\n"
    )


def test_mask_hides_what_is_commented_out_however_it_is_written():
    commented = "# A = hunter2\n##\texport B\t='hunter2'\n#C=\n"
    masked = mask(commented)
    assert "hunter2" not in masked
    assert unmask(masked, commented) == commented


def test_mask_refuses_what_it_cannot_read():
    with pytest.raises(InvalidContent):
        mask("PASSWORD hunter2")


def test_unmask_brings_the_values_back():
    assert unmask(mask(TEXT), TEXT) == TEXT


def test_unmask_follows_the_names_not_the_lines():
    assert unmask(f"B={MASK}\nNEW=x\nA={MASK}", "A='1'\nB=2") == "B=2\nNEW=x\nA='1'"


def test_unmask_reads_what_a_form_sends():
    assert unmask(mask(TEXT).replace("\n", "\r\n"), TEXT) == TEXT


def test_a_mask_that_was_not_replaced_is_no_value():
    with pytest.raises(InvalidContent, match="line 2: The value of B is only the mask of one"):
        values(f"A=1\nB={MASK}\n")


def test_unmask_leaves_new_values():
    assert unmask(f"A=new\nB={MASK}", "A=1\nB=2") == "A=new\nB=2"


def test_a_line_that_was_commented_out_or_in_keeps_its_value():
    assert unmask(f"#A={MASK}\nB={MASK}", "A=1\n# B=2") == "#A=1\nB=2"


def test_the_same_name_twice_keeps_both_values():
    assert unmask(f"A={MASK}\nA={MASK}", "A=1\nA=2") == "A=1\nA=2"


def test_a_renamed_name_takes_its_hidden_value_along_where_another_had_the_new_name():
    before = "TOKEN=old\nNEXT=new\n"
    assert unmask(f"TOKEN={MASK}\n", before, {"TOKEN": "NEXT"}) == "TOKEN=new\n"
    swapped = {"TOKEN": "NEXT", "NEXT": "TOKEN"}
    assert unmask(f"NEXT={MASK}\nTOKEN={MASK}\n", before, swapped) == "NEXT=old\nTOKEN=new\n"


def test_a_mask_without_a_previous_value_is_refused():
    with pytest.raises(InvalidContent, match="Environment, line 2: C has no value yet"):
        unmask(f"A={MASK}\nC={MASK}", "A=1")


@given(st.dictionaries(names, st.text(alphabet=st.characters(exclude_characters="\0\r", codec="utf-8"))))
def test_mask_and_unmask_are_inverse_and_show_nothing(found):
    text = render(found)
    masked = mask(text)
    assert unmask(masked, text) == text
    assert all(part in ("", MASK) for line in masked.splitlines() for part in [line.partition("=")[2]])
