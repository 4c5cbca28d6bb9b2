"""The panel's settings with the addresses beside this file."""

from simpledeploy_site.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare_site.urls"
