"""What an approval is bound to: the plan, the content behind it, and the images that it names."""

import hashlib
import json
from collections.abc import Collection

from apps.deployer.plan.decision import Situation
from apps.deployer.plan.plan import Plan


def bond(plan: Plan, situation: Situation | None, images: Collection[str] | None = None) -> str:
    """Return the SHA-256 of `plan`, which follows from `situation`: whatever else would be done has another.

    Beside the plan's fingerprint, in which the content is, stand Compose's hashes of the resolved services,
    in which the files are that it reads, and the ids of `images` on the engine: by default of all that it
    has, for what is still to be pulled has none. A plan without content has no `situation`.
    """
    counted = [one for one in plan.images if (one.id if images is None else one.image in images)]
    ids = {one.image: one.id for one in counted}
    hashes = dict(situation.new.hashes) if situation else {}
    text = json.dumps([plan.fingerprint, hashes, ids], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
