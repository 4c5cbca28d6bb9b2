from concurrent.futures import ThreadPoolExecutor

from django.utils import translation

from apps.core.threads import Helpers


def test_helpers_speak_the_language_of_whoever_waits_for_them() -> None:
    with Helpers(1) as helpers, ThreadPoolExecutor(1) as others, translation.override("de"):
        assert helpers.submit(translation.get_language).result() == "de"
        assert list(helpers.map(lambda _: translation.get_language(), range(2))) == ["de", "de"]
        assert others.submit(translation.get_language).result() == "en"
    with Helpers(1) as helpers:
        assert helpers.submit(translation.get_language).result() == "en"
