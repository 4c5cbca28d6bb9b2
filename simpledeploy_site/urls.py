"""Addresses of the whole site."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from apps.panel.views.health import healthz
from apps.panel.views.setup import setup
from apps.panel.views.sign_in import SignIn

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("setup/", setup, name="setup"),
    path("healthz", healthz, name="healthz"),
    path("", include("apps.panel.urls")),
]
