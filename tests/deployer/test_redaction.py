import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.secret import MASK
from apps.deployer.redaction import Redactor
from apps.deployer.runner.lines import LineSplitter


def test_it_replaces_a_secret_wherever_it_stands():
    redactor = Redactor(["correct-horse"])
    assert redactor.redact("a correct-horse b=correct-horse") == f"a {MASK} b={MASK}"


def test_it_replaces_the_longest_secret_whole():
    redactor = Redactor(["correct-horse", "correct-horse-battery", "horse-battery-staple"])
    assert redactor.redact("correct-horse-battery-staple") == f"{MASK}-staple"


def test_it_replaces_each_line_of_a_value_with_several_lines():
    redactor = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\r\nabc\n  kqhkiG9w0BAQ  \n"])
    assert redactor.redact("MIIEvQIBADANBg") == MASK
    assert redactor.redact("[kqhkiG9w0BAQ]") == f"[{MASK}]"
    assert redactor.redact("abc") == "abc"


@pytest.mark.parametrize("value", ["", "short", "7 chars", "123456789012", "true", "FALSE"])
def test_it_leaves_values_that_are_no_secrets(value):
    assert Redactor([value]).redact(f"x {value} x") == f"x {value} x"


def test_it_replaces_a_password_even_where_it_is_short_or_a_number():
    redactor = Redactor(passwords=["s3cret", "12345678", "abc", ""])
    assert redactor.redact("s3cret 12345678 abc") == f"{MASK} {MASK} abc"


def test_it_replaces_a_secret_that_json_or_a_url_quotes():
    redactor = Redactor(['pa"ss\\word é/'])
    assert redactor.redact(r'"pa\"ss\\word é/"') == f'"{MASK}"'
    assert redactor.redact(r'"pa\"ss\\word \u00e9/"') == f'"{MASK}"'
    assert redactor.redact("https://u:pa%22ss%5Cword%20%C3%A9%2F@host") == f"https://u:{MASK}@host"


def test_it_takes_secrets_literally():
    assert Redactor([".*.*.*.*"]).redact("anything at all") == "anything at all"


def test_the_beginning_of_a_secret_at_the_end_of_a_cut_line_is_replaced():
    (line,) = LineSplitter(20).feed(b"password=correct-horse-battery\n")
    assert line.startswith("password=correct-hor …")
    redacted = Redactor(["correct-horse-battery"]).redact(line)
    assert redacted == f"password={MASK} … (10 bytes of this line left out)"


def test_its_repr_tells_nothing():
    assert "correct-horse" not in repr(Redactor(["correct-horse"])) + str(Redactor(["correct-horse"]))


@given(
    st.lists(st.text("ab-", min_size=8, max_size=14), min_size=1, max_size=60), st.text("ab-", max_size=40)
)
def test_nothing_of_any_known_secret_is_left(secrets, text):
    redacted = Redactor(secrets).redact(text + secrets[0] + text)
    assert not [secret for secret in secrets if secret in redacted]


def test_thousands_of_secrets_do_not_slow_it_down():
    redactor = Redactor([f"{n * 7919 % 10007:05d}-{n}-secret" for n in range(5000)])
    line = "Container simpledeploy-shop-web-1  Creating 3f2a9bc81d Downloading 12.3MB/45MB"
    start = time.thread_time()
    for _ in range(1000):
        redactor.redact(line)
    # One by one the alternatives would take 2 s.
    assert time.thread_time() - start < 1
    assert redactor.redact("x 00000-0-secret x") == f"x {MASK} x"
