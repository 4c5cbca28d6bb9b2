"""Addresses of the panel's own pages. Fragments that htmx fetches lie below the page they belong to."""

from django.urls import path

from apps.panel.views import access, apps, editor, engine, environment, events, projects, registries, versions

urlpatterns = [
    path("", apps.index, name="apps"),
    path("apps/new/", editor.new, name="app-new"),
    path("apps/<str:slug>/", apps.detail, name="app"),
    path("apps/<str:slug>/row/", apps.row, name="app-row"),
    path("apps/<str:slug>/edit/", editor.edit, name="app-edit"),
    path("apps/<str:slug>/settings/", apps.settings, name="app-settings"),
    path("apps/<str:slug>/environment/", environment.index, name="app-environment"),
    path("apps/<str:slug>/access/", access.index, name="app-access"),
    path("apps/<str:slug>/access/<int:pk>/take/", access.take, name="app-access-take"),
    path("apps/<str:slug>/remove/", apps.remove, name="app-remove"),
    path("apps/<str:slug>/redeploy/", apps.redeploy, name="app-redeploy"),
    path("apps/<str:slug>/scale/", apps.scale, name="app-scale"),
    path("apps/<str:slug>/versions/", versions.index, name="app-versions"),
    path("apps/<str:slug>/versions/<int:number>/", versions.detail, name="version"),
    path("apps/<str:slug>/versions/<int:number>/rollback/", versions.rollback, name="version-rollback"),
    path("apps/<str:slug>/<str:action>/", apps.lifecycle, name="app-action"),
    path("events/", events.index, name="events"),
    path("events/<int:pk>/", events.detail, name="event"),
    path("events/<int:pk>/status/", events.status, name="event-status"),
    path("events/<int:pk>/cancel/", events.cancel, name="event-cancel"),
    path("events/<int:pk>/log.txt", events.log_text, name="event-log"),
    path("engine/prune/", engine.prune, name="engine-prune"),
    path("engine/projects/", projects.index, name="projects"),
    path("engine/projects/<str:name>/adopt/", projects.adopt, name="project-adopt"),
    path("registries/", registries.index, name="registries"),
    path("registries/add/", registries.add, name="registry-add"),
    path("registries/<int:pk>/", registries.change, name="registry-change"),
    path("registries/<int:pk>/remove/", registries.remove, name="registry-remove"),
    path("registries/<int:pk>/check/", registries.check, name="registry-check"),
]
