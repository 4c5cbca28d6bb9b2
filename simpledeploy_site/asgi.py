"""The ASGI application. Importing it starts nothing: the worker is `manage.py serve`'s or `worker`'s."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simpledeploy_site.settings")
django_application = get_asgi_application()

# These need the apps that the line above loads.
from apps.panel.consumers.origin import SameOriginValidator  # noqa: E402
from apps.panel.middleware.proxies import TrustedProxies  # noqa: E402
from apps.panel.middleware.tokens import TokenOrSession  # noqa: E402
from apps.panel.routing import websocket_urlpatterns  # noqa: E402

web_sockets = URLRouter(websocket_urlpatterns)

application = TrustedProxies(
    ProtocolTypeRouter(
        {
            "http": django_application,
            "websocket": TokenOrSession(
                by_token=web_sockets,
                by_session=AllowedHostsOriginValidator(SameOriginValidator(AuthMiddlewareStack(web_sockets))),
            ),
        }
    )
)
