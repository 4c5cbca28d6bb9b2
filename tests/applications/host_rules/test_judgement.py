"""The policy as a whole: lines, sentences, exceptions, and what a container could exchange."""

import pytest

from apps.applications.content import Content
from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.judgement import asked_by, problems, reads_of, writable_in
from apps.applications.host_rules.rules import EVERYTHING, NOTHING, Found, HostRights, HostRule
from apps.applications.host_rules.variables import steering

TEXT = """\
x-base: &base
  privileged: true
services:
  web:
    <<: *base
    image: nginx
    volumes:
      - data:/data
      - /etc:/host
      - {type: bind, source: /srv, target: /srv}
    cap_add: [CHOWN, NET_ADMIN]
volumes:
  data:
    name: other_data
"""
MODEL = {
    "services": {
        "web": {
            "privileged": True,
            "volumes": [
                {"type": "bind", "source": "/etc", "target": "/host"},
                {"type": "bind", "source": "/srv", "target": "/srv"},
            ],
            "cap_add": ["CHOWN", "NET_ADMIN"],
        }
    },
    "volumes": {"data": {"name": "other_data"}},
    "x-base": {"privileged": True},
}


@pytest.fixture
def ground(tmp_path):
    return Ground(tmp_path, "simpledeploy-shop")


def refused(content, model, ground, rights=NOTHING):
    reads = reads_of(content, ground)
    return problems([*reads.found, *asked_by(model, reads, ground)], rights, content)


def bind(source, **more):
    return {"type": "bind", "source": source, "target": "/x", **more}


def test_each_problem_has_its_line_reason_and_advice(ground):
    found = refused(Content(TEXT), MODEL, ground)
    places = [(problem.line, problem.column) for problem in found]
    assert places == [(2, 3), (9, 9), (10, 9), (11, 22), (13, 3)]
    assert str(found[0]) == (
        "Compose file, line 2, column 3: A privileged container may do anything on the host. "
        "Ask an administrator to allow “Privileged containers” for this app, or take it out."
    )


def test_who_may_everything_is_refused_nothing(ground):
    assert refused(Content(TEXT), MODEL, ground, EVERYTHING) == []


def test_an_exception_allows_one_rule_or_one_subject(ground):
    rights = HostRights(
        allowed=frozenset(
            {(HostRule.PRIVILEGED, ""), (HostRule.CAPABILITIES, "NET_ADMIN"), (HostRule.HOST_PATHS, "/etc")}
        )
    )
    assert [problem.line for problem in refused(Content(TEXT), MODEL, ground, rights)] == [10, 13]


def test_an_exception_for_a_folder_holds_below_it_and_not_beside():
    def found(subject):
        return Found(HostRule.HOST_PATHS, (), "", subject=subject)

    rights = HostRights(allowed=frozenset({(HostRule.HOST_PATHS, "/srv/media/")}))
    assert rights.allow(found("/srv/media/films"))
    assert not rights.allow(found("/srv/media-more"))
    assert not rights.allow(found("/srv"))
    assert not rights.allow(Found(HostRule.CAPABILITIES, (), "", subject="/srv/media/films"))


def test_an_unknown_section_is_refused(ground):
    assert [one.rule for one in asked_by({"of_tomorrow": {}}, reads_of(Content(TEXT), ground), ground)] == [
        HostRule.UNKNOWN
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "GIT_SSH_COMMAND", "COMPOSE_FILE", "COMPOSE_ENV_FILES", "BUILDX_CONFIG", "HOME"),
        *("XDG_CONFIG_HOME", "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "DOCKER_BUILDKIT", "SSH_AUTH_SOCK", "TMPDIR"),
    ],
)
def test_a_variable_that_steers_docker_is_refused_at_its_line(name, ground):
    content = Content("services: {web: {image: x}}", f"A=1\n{name}=/x\n")
    (problem,) = refused(content, {}, ground)
    assert (problem.source, problem.line) == ("environment", 2)
    assert name in problem.message
    assert refused(content, {}, ground, EVERYTHING) == []


def test_the_variables_of_apps_are_theirs():
    names = ["DOCKER_INFLUXDB_INIT_MODE", "COMPOSE_PROFILES", "ENV", "GITEA_HOME", "HTTP_PROXY", "ld_x"]
    assert list(steering(names)) == []


def test_a_path_in_a_folder_that_a_container_writes_could_become_a_link(ground):
    services = {"a": {"volumes": [bind("./data")]}, "b": {"volumes": [bind("./data/sub")]}}
    content = Content("services:\n  a: {volumes: ['./data:/x']}\n  b: {volumes: ['./data/sub:/x']}\n")
    (problem,) = refused(content, {"services": services}, ground)
    assert problem.line == 3
    assert "could exchange data/sub for a link" in problem.message
    services["a"]["volumes"] = [bind("./data", read_only=True)]
    assert refused(content, {"services": services}, ground) == []


def test_so_could_one_of_a_container_that_runs_now(ground):
    model = {"services": {"a": {"volumes": [bind("./data/sub")]}}}
    before = Ground(ground.folder, ground.project, ask_writable=lambda: [f"{ground.root}/data"])
    assert refused(Content("services: {}"), model, ground) == []
    assert [p.line for p in refused(Content("services: {a: {}}"), model, before)] == [1]


def test_so_could_a_file_that_is_read(ground):
    (ground.folder / "data").mkdir()
    (ground.folder / "data" / "a.env").write_text("A=1\n")
    model = {
        "services": {"a": {"volumes": [bind("data")], "build": {"context": "data/app"}}},
        "secrets": {"s": {"file": "data/secret"}},
    }
    content = Content("services:\n  a:\n    env_file: data/a.env\n    build: data/app\n")
    assert [problem.line for problem in refused(content, model, ground)] == [3, None, 4]


def test_what_containers_may_write_is_what_they_bind(ground):
    services = {"a": {"volumes": [bind("data"), bind("more", read_only=True), bind("/srv")]}}
    assert writable_in({"services": services}, ground) == (f"{ground.root}/data",)


def test_a_file_that_is_read_and_written_by_a_container_is_refused(ground):
    (ground.folder / "more.yml").write_text("services: {b: {image: x}}")
    model = {"services": {"a": {"volumes": [bind("./more.yml")]}}}
    content = Content("include: [more.yml]\nservices: {a: {volumes: ['./more.yml:/x']}}\n")
    assert [problem.line for problem in refused(content, model, ground)] == [1]


def test_the_engine_is_asked_only_where_it_matters(ground):
    def ask():
        raise AssertionError("nothing here lies where a container may write")

    quiet = Ground(ground.folder, ground.project, ask_writable=ask)
    services = {"a": {"volumes": [bind("./data"), bind("/etc")], "build": {"context": "."}}}
    content = Content("services: {a: {env_file: .env, volumes: ['./data:/x', '/etc:/x']}}\n", "A=1\n")
    assert len(refused(content, {"services": services}, quiet)) == 1
