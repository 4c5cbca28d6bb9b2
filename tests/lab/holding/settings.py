"""The panel's own settings, and the app that holds a step."""

from simpledeploy_site.settings import *  # noqa: F403
from simpledeploy_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.lab.holding"]
