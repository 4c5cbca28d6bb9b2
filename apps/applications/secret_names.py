"""Names whose values are secrets, as far as a name tells."""

import re

_SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|PRIVATE|KEY(?:_|$)", re.IGNORECASE)


def sounds_secret(name: str) -> bool:
    """Tell whether the variable `name` of an environment most likely holds a secret, not the path of one."""
    return bool(_SECRET.search(name)) and not name.upper().endswith("_FILE")
