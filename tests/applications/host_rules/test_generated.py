"""Services made at random: the rules never fail, and one hostile key among harmless ones is always found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.applications.content import Content, InvalidContent
from apps.applications.host_rules.before import read_by_compose
from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.judgement import asked_by, problems, reads_of
from apps.applications.host_rules.rules import NOTHING, HostRule
from tests.applications.host_rules.test_services import HARMLESS, HOSTILE

GROUND = Ground("/srv/simpledeploy/apps/shop", "simpledeploy-shop")
CONTENT = Content("services: {web: {image: x}}\n")

texts = st.text(st.sampled_from("abh~./:$= \0\n\u017fé{}"), max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
known_keys = st.sampled_from(
    sorted({key for service, *_ in HOSTILE for key in service} | {"volumes", "ports"})
)
services = st.dictionaries(known_keys | texts, anything, max_size=4)
sections = st.sampled_from(["services", "networks", "volumes", "secrets", "configs", "models", "x-a", "name"])
models = st.dictionaries(sections, st.dictionaries(texts, services, max_size=3) | anything, max_size=4)
harmless = st.lists(st.sampled_from(HARMLESS), max_size=4).map(
    lambda parts: {key: value for part in parts for key, value in part.items()}
)


@settings(deadline=None)
@given(models)
def test_no_model_makes_the_rules_fail(model):
    reads = reads_of(CONTENT, GROUND)
    found = asked_by(model, reads, GROUND)
    assert len(problems(found, NOTHING, CONTENT)) <= len(found)


@settings(deadline=None)
@given(harmless, st.sampled_from(HOSTILE), st.sampled_from(["web", "a.b", "1", "x-web"]))
def test_one_hostile_key_among_harmless_ones_is_found(service, hostile, name):
    extra, rule, _subject = hostile
    found = asked_by(
        {"services": {"db": {"image": "x"}, name: {**service, **extra}}}, reads_of(CONTENT, GROUND), GROUND
    )
    assert {one.rule for one in found} == {rule}
    (problem,) = {problem.message for problem in problems(found, NOTHING, CONTENT)}
    assert "Ask an administrator to allow" in problem


@settings(deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "a", "data", ""]), min_size=1, max_size=8).map("/".join))
def test_a_path_of_dots_is_inside_or_found(path):
    depth = lowest = 0
    for part in path.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        lowest = min(lowest, depth)
    leaves = lowest < 0 or path.startswith("/")
    model = {"services": {"web": {"volumes": [{"type": "bind", "source": path, "read_only": True}]}}}
    found = asked_by(model, reads_of(CONTENT, GROUND), GROUND)
    assert bool(found) == leaves
    assert all(one.rule in (HostRule.HOST_PATHS, HostRule.ENGINE_SOCKET) for one in found)


@settings(deadline=None)
@given(st.text(st.sampled_from("services:{}[]&*<> \n-env_fil/.!$x'\"include"), max_size=60))
def test_no_text_makes_the_reading_fail(text):
    read_by_compose(text, {}, GROUND)


@pytest.mark.parametrize("text", ["A='", "=x"])
def test_an_environment_with_faults_is_refused_as_ever(text):
    with pytest.raises(InvalidContent):
        reads_of(Content("services: {}", text), GROUND)
