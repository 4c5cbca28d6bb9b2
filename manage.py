#!/usr/bin/env python
"""Run a management command of the panel."""

import atexit
import gc
import os
import sys


def main() -> None:
    # What is imported is never garbage. To look for some among it, again and again while the modules come in
    # and once more at the end, is a third of what a short command computes.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "simpledeploy_site.settings")
    from apps.core.private_memory import keep_private

    # Before anything is read that must not be seen.
    keep_private()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting that is refused names its variable; where in the code it was read helps nobody.
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
