"""Static files travel compressed.

Pages do not: one may hold a secret beside what a link to it puts there, and its size would tell (BREACH).
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.middleware.gzip import GZipMiddleware


class StaticCompressionMiddleware(GZipMiddleware):
    """Compress whole static files for clients that take gzip.

    It stands before WhiteNoise, which compresses nothing itself and has no step of collecting files here.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        is_whole = request.method == "GET" and response.status_code == 200
        if not (is_whole and request.path.startswith(settings.STATIC_URL)):
            return response
        answer = super().process_response(request, response)
        if answer.get("Content-Encoding") == "gzip":
            # WhiteNoise knows its own mark alone, not the weak one that this would become: the date is
            # what it compares then.
            del answer["ETag"]
        return answer
