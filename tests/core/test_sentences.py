import copy
import json

from django.template import Context, Template
from django.utils import translation

from apps.core.sentences import Sentence, counted, listed, names_told, sentence

ASKED = "version %(number)s"
MORE = ("%(count)s variable", "%(count)s variables")


def test_it_is_english_wherever_it_is_kept_or_compared() -> None:
    plain = sentence(ASKED, number=3)
    with translation.override("de"):
        assert plain == "version 3"
        assert str(plain) == f"{plain}" == "version 3"
        assert json.dumps([plain]) == '["version 3"]'
        assert hash(plain) == hash("version 3")
        assert plain.translated == "Version 3"
    assert plain.translated == "version 3"


def test_a_page_shows_it_in_the_readers_language_and_escaped() -> None:
    page = Template("{{ one }}|{{ all|join:', ' }}")
    word = sentence(ASKED, number="<b>")
    with translation.override("de"):
        assert page.render(Context({"one": word, "all": [word]})) == "Version &lt;b&gt;|Version &lt;b&gt;"


def test_a_number_decides_the_form_in_each_language() -> None:
    with translation.override("de"):
        assert [counted(*MORE, number).translated for number in (1, 2)] == ["1 Variable", "2 Variablen"]
    assert [str(counted(*MORE, number)) for number in (1, 2)] == ["1 variable", "2 variables"]


def test_what_it_holds_is_translated_with_it() -> None:
    told = names_told(["A", "B"], [], ["C"])
    assert told == "A, B added; C changed"
    with translation.override("de"):
        assert isinstance(told, Sentence)
        assert told.translated == "A, B hinzugefügt; C geändert"
    assert listed([]) == ""


def test_what_is_hidden_in_it_is_hidden_in_each_language() -> None:
    word = sentence(ASKED, number="hunter2")
    hidden = word.mapped(lambda text: text.replace("hunter2", "•••"))
    assert hidden == "version •••"
    with translation.override("de"):
        assert isinstance(hidden, Sentence)
        assert hidden.translated == "Version •••"
        # What hides more of the whole than of its parts wins.
        assert word.mapped(lambda text: text.replace("version hunter2", "•••")) == "•••"
        assert not isinstance(word.mapped(lambda text: text.replace("version hunter2", "•••")), Sentence)


def test_a_copy_still_knows_its_languages() -> None:
    with translation.override("de"):
        assert copy.deepcopy(sentence(ASKED, number=3)).translated == "Version 3"
