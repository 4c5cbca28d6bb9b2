"""The panel's own templates, as the real Compose reads them and the policy judges them for any deployer."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.applications import environment
from apps.applications.content import Content
from apps.applications.gallery.builtin import BUILTIN, Template
from apps.applications.gallery.variables import Kind, filled
from apps.applications.host_rules.rules import NOTHING
from apps.deployer.check import Checked, check_content
from apps.deployer.runner import default_runner

pytestmark = pytest.mark.engine

_PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)*")


def check(template: Template) -> tuple[Content, Checked]:
    content = Content.read(template.yaml, filled(template.variables, {}))
    return content, check_content(content, default_runner(), host_rules=NOTHING)


@pytest.fixture(scope="module")
def checked(engine: object) -> dict[str, tuple[Content, Checked]]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip((template.key for template in BUILTIN), pool.map(check, BUILTIN), strict=True))


@pytest.mark.parametrize("template", BUILTIN, ids=lambda template: template.key)
def test_every_template_can_be_deployed_by_anybody_who_deploys(
    checked: dict[str, tuple[Content, Checked]], template: Template
) -> None:
    content, answer = checked[template.key]
    values = environment.values(content.environment)
    assert (answer.problems, answer.warnings, answer.asks) == ([], [], [])
    assert all(f"${{{name}}}" in content.yaml for name in values), "what is asked for is used"
    for name, service in answer.model["services"].items():
        assert _PINNED.fullmatch(service["image"]), service["image"]
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert all(mount["type"] == "volume" and mount["source"] for mount in service.get("volumes", ())), (
            name
        )
    assert answer.model["volumes"]
    generated = [variable for variable in template.variables if variable.kind == Kind.SECRET]
    assert all(len(values[variable.name]) >= 32 for variable in generated)
    assert not [variable for variable in template.variables if variable.is_secret and variable.default]
