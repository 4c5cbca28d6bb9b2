"""The texts that the scripts of the pages say, in each language."""

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET
from django.views.i18n import JavaScriptCatalog

from apps.panel.texts import version

_YEAR = 365 * 24 * 3600
# Django's own texts are those of the admin, which has its own catalogue.
_catalogue = JavaScriptCatalog.as_view(packages=["apps.panel"])


# Nothing in it is secret or differs by person, so it may be compressed and kept.
@gzip_page
@require_GET
def texts(request: HttpRequest, language: str) -> HttpResponseBase:
    """Give the page's scripts `gettext` and its like in `language`.

    Raises:
        Http404: the panel does not speak it.
    """
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with translation.override(language):
        response = _catalogue(request)
    if request.GET.get("v") == version():
        patch_cache_control(response, public=True, immutable=True, max_age=_YEAR)
    return response
