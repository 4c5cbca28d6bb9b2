"""The catalogues hold every text of the source in each language, and templates say nothing beside them."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

from tests.panel.untranslated import untranslated

ROOT = Path(settings.BASE_DIR)
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
DOMAINS = ("django", "djangojs")
TEMPLATES = sorted([*ROOT.glob("templates/**/*.html"), *ROOT.glob("apps/**/*.html")])
SOURCES = {
    "django": [*ROOT.glob("apps/**/*.py"), *ROOT.glob("simpledeploy_site/**/*.py"), *TEMPLATES],
    "djangojs": sorted(set(ROOT.glob("static/**/*.js")) - set(ROOT.glob("static/vendor/**/*.js"))),
}
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop", "sentence")),
    **dict.fromkeys(("ngettext", "ngettext_lazy", "counted"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_PLACEHOLDER = re.compile(r"%\(\w+\)[\d.]*[a-zA-Z]|%[sd]|\{\w+\}")


# Within an f-string no reader of sources sees a text, and no catalogue gets it.
_UNSEEN = re.compile(rf"""[fF][rR]?(?P<quote>["']).*\{{(?:{"|".join(KEYWORDS)})\(.*(?P=quote)""")


def test_no_text_is_hidden_in_an_f_string() -> None:
    assert _UNSEEN.search("""f"{_('Nobody sees this.')} {said}\"""")
    sources = [path for path in SOURCES["django"] if path.suffix == ".py"]
    assert [str(path) for path in sources if _UNSEEN.search(path.read_text())] == []


def folder(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES"


def catalogue(language: str, domain: str) -> Catalog:
    with (folder(language) / f"{domain}.po").open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def texts(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def found_in(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield the texts of a file that are to be translated, each with its context."""
    source, method = path.read_text(), "javascript" if path.suffix == ".js" else "python"
    if path.suffix == ".html":
        # What is no text of a template comes out as X, its indentation as that of no Python.
        source = "\n".join(line.strip() for line in templatize(source).splitlines())
    for _line, found, _comments, context in extract(method, io.BytesIO(source.encode()), KEYWORDS):
        yield texts(found)[0], context


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_its_placeholders(language: str, domain: str) -> None:
    wrong = [
        message.id
        for message in messages(catalogue(language, domain))
        if message.fuzzy
        or not all(texts(message.string))
        or any(
            set(_PLACEHOLDER.findall(" ".join(texts(message.id)))) != set(_PLACEHOLDER.findall(text))
            for text in texts(message.string)
        )
    ]
    assert wrong == []


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_every_text_of_the_source(language: str, domain: str) -> None:
    known = {(texts(one.id)[0], one.context) for one in messages(catalogue(language, domain))}
    missing = {
        (path.relative_to(ROOT).as_posix(), *text)
        for path in SOURCES[domain]
        for text in found_in(path)
        if text not in known
    }
    assert sorted(missing, key=str) == [], "run script/messages and translate what is new"


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_written(language: str, domain: str) -> None:
    with (folder(language) / f"{domain}.mo").open("rb") as file:
        compiled = {(texts(m.id)[0], m.context): texts(m.string) for m in messages(read_mo(file))}
    written = {(texts(m.id)[0], m.context): texts(m.string) for m in messages(catalogue(language, domain))}
    assert compiled == written


def test_no_template_says_what_no_catalogue_can_have() -> None:
    assert len(TEMPLATES) > 50
    found = {path.relative_to(ROOT).as_posix(): untranslated(path.read_text()) for path in TEMPLATES}
    assert {name: said for name, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Stop it</p>", ["Stop it"]),
        ("<p>{% translate 'Stop it' %} {{ app.name }}</p>", []),
        ("{% blocktranslate with a=b %}Stop {{ a }}{% endblocktranslate %}", []),
        ('<a title="Stop {{ app }}" href="/stop">x</a>', ["Stop \ue001"]),
        ("<a aria-label=\"{% translate 'Stop' %}\">{% icon 'x' %}</a>", []),
        ("<p>{{ app }} is<br>{% if a %}up{% endif %}</p>", ["… is", "up"]),
        ('{{ role|default:"none of them" }}', ["none of them"]),
        ('{{ role|default:_("none of them") }}', []),
        ('{% include "x.html" with heading="Not done" css="btn-sm" %}', ["Not done"]),
        ("<code>docker compose up</code> <kbd>Ctrl</kbd> 3 MB · SimpleDeploy", ["3 MB · SimpleDeploy"]),
        ("<p>· SimpleDeploy</p>{# Not shown #}", []),
    ],
)
def test_the_search_for_such_texts_finds_them(template: str, found: list[str]) -> None:
    assert untranslated(template) == found
