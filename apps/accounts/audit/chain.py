"""How an entry of the audit is hashed and sealed. Pure functions; docs/decisions/0010-audit.md says why.

The hash binds an entry to all entries before it and can be checked by anybody who has an export. The seal
(HMAC-SHA256) can only be made with a key of the panel.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

# What stands for the hash before the first entry.
BEGINNING = "0" * 64


def canonical(value: object) -> str:
    """Return the one JSON text of `value`: keys sorted, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def hash_of(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of `record`: all fields of an entry but `hash` and `seal`."""
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def key_id(key: str) -> str:
    """Return the name (12 hex digits) of the encryption key `key`, from which it does not follow."""
    return hmac.digest(_sealing_key(key), b"name", "sha256").hex()[:12]


def seal(key: str, digest: str) -> str:
    """Return the seal (hex) that the encryption key `key` puts on the hash `digest` of an entry."""
    return hmac.digest(_sealing_key(key), f"entry:{digest}".encode(), "sha256").hex()


def is_sealed(keys: Sequence[str], digest: str, by: str, with_seal: str) -> bool | None:
    """Tell whether `with_seal` is what the key named `by` puts on `digest`; None: `keys` lacks that key."""
    key = next((key for key in keys if key_id(key) == by), None)
    return None if key is None else seal(key, digest) == with_seal


def _sealing_key(key: str) -> bytes:
    return hmac.digest(key.encode(), b"simpledeploy.audit", "sha256")
