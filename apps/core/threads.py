"""Threads that somebody waits for, and that speak the language of whoever that is."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.utils.translation import get_language, override

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Helpers(ThreadPoolExecutor):
    """A pool whose threads speak the language of whoever gives them work; threads else speak English."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        language = get_language()

        def work() -> _T:
            with override(language):
                return fn(*args, **kwargs)

        return super().submit(work)
