"""The addresses of the WebSockets."""

from django.urls import path, re_path

from apps.panel.console_consumer import ConsoleConsumer
from apps.panel.consumers import AppsConsumer, EventConsumer, UnknownConsumer, UsageConsumer
from apps.panel.container_log_consumer import ContainerLogConsumer

websocket_urlpatterns = [
    path("ws/events/<int:event_id>/", EventConsumer.as_asgi()),
    path("ws/apps/", AppsConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/stats/", UsageConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/logs/", ContainerLogConsumer.as_asgi()),
    path("ws/apps/<slug:slug>/console/", ConsoleConsumer.as_asgi()),
    re_path("", UnknownConsumer.as_asgi()),
]
