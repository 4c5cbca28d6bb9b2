"""The addresses of the WebSockets."""

from django.urls import path, re_path

from apps.panel.consumers.apps import AppsConsumer
from apps.panel.consumers.console import ConsoleConsumer
from apps.panel.consumers.container_logs import ContainerLogConsumer
from apps.panel.consumers.event import EventConsumer
from apps.panel.consumers.live import UnknownConsumer
from apps.panel.consumers.usage import UsageConsumer

websocket_urlpatterns = [
    path("ws/events/<int:event_id>/", EventConsumer.as_asgi()),
    path("ws/apps/", AppsConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/stats/", UsageConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/logs/", ContainerLogConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/console/", ConsoleConsumer.as_asgi()),
    re_path("", UnknownConsumer.as_asgi()),
]
