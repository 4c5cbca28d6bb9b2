"""Reports of unexpected errors hold no value of what was in hand."""

import sys

from django.test import RequestFactory
from django.views.debug import ExceptionReporter, get_exception_reporter_filter

from apps.core.error_reports import NoValuesFilter

PLANTED = "planted-value-of-an-environment"


def _report(settings) -> str:
    settings.REDIS_URL = f"redis://:{PLANTED}@cache"
    request = RequestFactory().post(
        "/apps/", {"environment": PLANTED}, headers={"Authorization": f"Bearer {PLANTED}"}
    )
    request.COOKIES["sessionid"] = PLANTED
    environment = {"TOKEN": PLANTED}
    try:
        raise RuntimeError(f"{len(environment)} values")
    except RuntimeError:
        reporter = ExceptionReporter(request, *sys.exc_info())
        return reporter.get_traceback_html() + reporter.get_traceback_text()


def test_a_report_shows_where_and_with_no_value(settings) -> None:
    for debug in (False, True):
        settings.DEBUG = debug
        report = _report(settings)
        assert "RuntimeError" in report
        assert "test_error_reports.py" in report
        assert "environment" in report
        assert PLANTED not in report


def test_it_is_the_panels_filter() -> None:
    assert isinstance(get_exception_reporter_filter(None), NoValuesFilter)
