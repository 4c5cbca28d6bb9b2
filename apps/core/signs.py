"""Characters that do something instead of being shown."""

import re

# What steers a terminal: C0 without tab, DEL, C1.
STEERING = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
# What turns the direction of writing, so that people read something else than programs do (CVE-2021-42574).
TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
