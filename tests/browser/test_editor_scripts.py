"""What the editor's scripts make of a text, in the browser and without a page of the panel."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page

from apps.applications import environment

STATIC = Path(settings.BASE_DIR) / "static"
SCRIPTS = ("compose-position", "compose-completion", "dotenv", "editor-check")
COMPLETE = """([text, schema]) => {
  const lines = text.split("\\n");
  const position = composePosition(lines, lines.length - 1, lines.at(-1));
  if (!position) return null;
  return composeOptions(schema, position, composeNames(lines)).map((one) => one.label + one.tail);
}"""
FILE = """services:
  db:
    image: postgres
    volumes:
      - data:/var/lib
  web:
"""
SECTIONS = (
    "volumes:\n  data:\nnetworks:\n  back: {}\n  front:\n    driver: bridge\nsecrets:\n  key:\n    file: k\n"
)

# What is written up to the cursor; what must be offered, and what must not.
PLACES: list[tuple[str, set[str], set[str]]] = [
    ("", {"services:\n", "volumes:\n", "networks:\n", "name: "}, {"image: "}),
    ("ser", {"services:\n"}, {"image: "}),
    ("services:\n  ", set(), {"image: ", "services:\n"}),
    (FILE + "    ", {"image: ", "restart: ", "ports:\n- ", "depends_on:\n", "healthcheck:\n"}, {"db:"}),
    (FILE + "    im", {"image: "}, {"services:\n"}),
    (FILE + "    restart: ", {"always", "unless-stopped", '"no"'}, {"image: "}),
    (FILE + "    privileged: ", {"true", "false"}, {"image: "}),
    (FILE + "    depends_on:\n      - ", {"db"}, {"web", "image: "}),
    (FILE + "    depends_on:\n    - ", {"db"}, {"web"}),
    (FILE + "    depends_on: [", {"db"}, {"web"}),
    (FILE + "    depends_on:\n      d", {"db:"}, {"web:"}),
    (FILE + "    depends_on:\n      db:\n        condition: service_", {"service_healthy"}, {"db"}),
    (FILE + "    depends_on:\n      db:\n        ", {"condition: ", "required: "}, {"image: "}),
    (FILE + "    ports:\n      - target: 80\n        ", {"published: ", "protocol: "}, {"image: "}),
    (FILE + "    ports:\n      - ta", {"target: "}, set()),
    (FILE + "    build:\n      con", {"context: "}, {"configs:\n- "}),
    (FILE + "    healthcheck:\n      test: x\n      ", {"interval: ", "retries: "}, {"image: "}),
    (
        FILE + "    deploy:\n      resources:\n        limits:\n          ",
        {"memory: ", "cpus: "},
        {"image: "},
    ),
    (FILE + "    command: |\n      im", set(), {"image: "}),
    (FILE + "    # im", set(), {"image: "}),
    (FILE + "    image: x # re", set(), {"restart: "}),
    (SECTIONS + FILE + "    volumes:\n      - ", {"data:/"}, {"image: "}),
    (SECTIONS + FILE + "    volumes:\n      - type: volume\n        source: ", {"data"}, set()),
    (SECTIONS + FILE + "    networks:\n      - b", {"back", "front"}, {"data"}),
    (SECTIONS + FILE + "    networks:\n      ", {"back:", "front:"}, set()),
    (SECTIONS + FILE + "    networks: [back, ", {"front"}, set()),
    (SECTIONS + FILE + "    secrets:\n      - source: ", {"key"}, set()),
    (SECTIONS + FILE + "    network_mode: ", {"host"}, set()),
    ("networks:\n  front:\n    ", {"driver: ", "external: "}, {"image: "}),
    ("services: {web: {im", set(), {"image: "}),
    ('"services":\n  "web":\n    im', {"image: "}, set()),
    ("x-common: &a\n  ", set(), {"image: "}),
]

ENVIRONMENTS = [
    "",
    "A=1\n",
    "A=1",
    '# note\n\nexport A = 1  # why\nB=\'two words\'\nC="q\\"uote \\\\ \\n"\n',
    "A='1\n2'\nB=3\n",
    "A=x#y\nB= # empty\nC=#hash\n",
    "A=•••\nB=••••••••\n",
    "A=\n",
    'A="\\$HOME"  \nB=$HOME\n',
    "A=ä ö\nB=' x '\n",
]
FAULTY = ["A", "1A=2\n", "A='1\n", 'A="1\n', "A='1' 2\n", "A B=1\n"]
VALUES = ["", "plain", "two words", "it's", 'a"b\\c', "'\r\"", "line\nline", "$HOME #x", "ä"]


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        for name in SCRIPTS:
            page.add_script_tag(path=str(STATIC / "js" / f"{name}.js"))
        yield page


def test_what_is_offered_fits_the_place(scripts: Page) -> None:
    schema: Any = json.loads((STATIC / "vendor" / "compose-spec.json").read_text())
    wrong = []
    for text, wanted, unwanted in PLACES:
        offered = set(scripts.evaluate(COMPLETE, [text, schema]) or [])
        if wanted - offered or unwanted & offered:
            wrong.append((text[-40:], wanted - offered, unwanted & offered))
    assert wrong == []


def test_no_line_holds_up_whoever_types_below_it(scripts: Page) -> None:
    """Somebody else may have written it; tried in every way, these take minutes."""
    blanks = " " * 100_000
    for line in (f"x{blanks}x", f"x: {blanks}x\u2028x", f'"x"{blanks}x', f"- x{blanks}x"):
        asked = f"services:\n  web:\n    {line}\n    im"
        assert scripts.evaluate("text => composePosition(text.split('\\n'), 3, '    im').path", asked) == [
            "services",
            "web",
        ]
        assert scripts.evaluate("line => readComposeLine(line) !== null", line)
    assert scripts.evaluate("text => readDotenv(text).length", f"A=x{blanks}x\n") == 1


def test_an_environment_is_read_as_the_panel_reads_it_and_written_back_as_it_was(scripts: Page) -> None:
    for text in ENVIRONMENTS:
        assert scripts.evaluate("text => readDotenv(text)", text) is not None, text
        parsed = environment.parse(text)
        assert not parsed.problems
        found = scripts.evaluate(
            "text => readDotenv(text).filter(one => !('text' in one)).map(one => [one.name, one.value])", text
        )
        assert found == [[one.name, one.value] for one in parsed.assignments], text
        same = "text => readDotenv(text).map(one => one.text ?? (one.start + one.raw + one.after)).join('')"
        assert scripts.evaluate(same, text) == text
    for text in FAULTY:
        assert environment.parse(text).problems
        assert scripts.evaluate("text => readDotenv(text)", text) is None, text


def test_a_value_is_written_so_that_the_panel_reads_it(scripts: Page) -> None:
    for value in VALUES:
        written = scripts.evaluate("value => writeDotenvValue(value)", value)
        assert environment.values(f"A={written}\n") == {"A": value}


ASK = """async () => {
  document.body.innerHTML = "<form data-check='/check/'><textarea name=compose></textarea></form>";
  const form = document.querySelector("form");
  const [shown, asked] = [[], []];
  window.gettext = (text) => text;
  window.fetch = (address, { body, signal }) => new Promise((resolve, reject) => {
    const text = body.get("compose");
    asked.push(`${text} ${body.get("by")}`);
    signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    const problems = text === "bad" ? [{ line: 1 }] : [];
    const [ok, status] = text === "busy" ? [false, 429] : [true, 200];
    const answer = { ok, status, json: async () => ({ problems, text }) };
    // What is asked first is answered last.
    setTimeout(() => resolve(answer), text === "slow" ? 900 : 10);
  });
  const { changed } = watchText(form, (answer) => shown.push(answer.text ?? answer.failure));
  const type = async (text, wait) => {
    form.elements.compose.value = text;
    changed();
    await new Promise((resolve) => setTimeout(resolve, wait));
  };
  await type("typing", 50);
  await type("slow", 500);
  await type("bad", 1600);
  await type("good", 1600);
  await type("busy", 500);
  return [shown, asked];
}"""


def test_only_the_newest_text_is_answered_and_compose_comes_after_a_pause(scripts: Page) -> None:
    shown, asked = scripts.evaluate(ASK)
    assert shown == ["bad", "good", "good", "Checked often enough for now. The next check comes in a moment."]
    assert asked == ["slow text", "bad text", "good text", "good compose", "busy text"]
