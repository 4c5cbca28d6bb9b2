"""The panel's settings for its tests: nothing of the person who runs them is read or changed.

The environment is emptied of the panel's variables before the settings read it; a test run gets a data
folder of its own. `SIMPLEDEPLOY_TEST_DATABASE_URL` and `SIMPLEDEPLOY_TEST_REDIS_URL` name a PostgreSQL
and a Redis to test against.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for _name in list(os.environ):
    if _name.startswith("SIMPLEDEPLOY_") and not _name.startswith("SIMPLEDEPLOY_TEST_"):
        del os.environ[_name]
for _name in ("DATABASE_URL", "REDIS_URL"):
    _value = os.environ.pop(f"SIMPLEDEPLOY_TEST_{_name}", "")
    os.environ.pop(_name, None)
    if _value:
        os.environ[_name] = _value

_data_dir = Path(tempfile.mkdtemp(prefix="simpledeploy-test-"))
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["SIMPLEDEPLOY_DATA_DIR"] = str(_data_dir)

from simpledeploy_site.settings import *  # noqa: E402, F403

# Forgotten between tests (tests/conftest.py).
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# The real hasher takes 0.2 s for each sign-in, by intent.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
