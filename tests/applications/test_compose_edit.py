"""A Compose file for another project: what must change is changed, and nothing else."""

from collections.abc import Mapping

import pytest
import yaml

from apps.applications.compose_edit import TakeOver, take_over
from apps.applications.compose_file import check_compose


def edited(text: str, **how: object) -> str:
    result = take_over(text, TakeOver(folder="/srv/blog", **how))  # type: ignore[arg-type]
    assert check_compose(result) == []
    return result


def service(body: str) -> str:
    return f"services:\n  web:\n    image: x\n{body}"


def test_what_needs_no_change_stays_to_the_last_character() -> None:
    text = """\
# A file with   odd spaces
services:
    web:    # the web
        image:   "nginx"
        volumes:
        - data:/data     # named
        - /srv/abs:/abs
        - ~/home:/home
        environment: [ A=1,   B=2 ]
volumes: {data: {external: true}}
"""
    assert edited(text) == text


def test_comments_and_layout_stay_where_something_changes() -> None:
    text = """\
name: blog   # gone with its name
# Ours, since 2019
services:
  web:
    image: nginx   # pinned later
    volumes:
    - ./html:/www:ro  # pages
    - data:/data
volumes:
  data:   # precious
# the end
"""
    assert (
        edited(text, volumes={"data": "blog_data"})
        == """\
# Ours, since 2019
services:
  web:
    image: nginx   # pinned later
    volumes:
    - /srv/blog/html:/www:ro  # pages
    - data:/data
volumes:
  data: {external: true, name: blog_data}   # precious
# the end
"""
    )


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("volumes: ['./a:/a']", "volumes: ['/srv/blog/a:/a']"),
        ('volumes: ["./a b:/a"]', 'volumes: ["/srv/blog/a b:/a"]'),
        ("volumes: [../up:/a]", "volumes: [/srv/up:/a]"),
        ("volumes: [.:/a]", "volumes: [/srv/blog:/a]"),
        ("volumes: [..:/a:ro]", "volumes: [/srv:/a:ro]"),
        ("volumes: [.hidden:/a]", "volumes: [/srv/blog/.hidden:/a]"),
        ("volumes: [{type: bind, source: ./a, target: /a}]", None),
        ("volumes: [{type: bind, source: a, target: /a}]", None),
        ("env_file: web.env", "env_file: /srv/blog/web.env"),
        ("env_file: [./web.env, /abs.env]", "env_file: [/srv/blog/web.env, /abs.env]"),
        ("env_file: [{path: ./web.env, required: false}]", None),
        ("env_file: .env", "env_file: /srv/blog/.env"),
        ("build: .", "build: /srv/blog"),
        ("build: ./app", "build: /srv/blog/app"),
        ("build: {context: app, dockerfile: Other}", "build: {context: /srv/blog/app, dockerfile: Other}"),
        ("build: {context: ., additional_contexts: {a: ./a}}", None),
        ("build: {context: /x, additional_contexts: [a=./a]}", None),
        ("extends: {file: base.yml, service: web}", "extends: {file: /srv/blog/base.yml, service: web}"),
        ("label_file: labels", "label_file: /srv/blog/labels"),
        ("credential_spec: {file: spec.json}", "credential_spec: {file: /srv/blog/spec.json}"),
        ("develop: {watch: [{path: ./src, action: sync, target: /src}]}", None),
    ],
)
def test_every_form_of_a_relative_path_becomes_absolute(written: str, wanted: str | None) -> None:
    result = edited(service(f"    {written}\n"))
    if wanted is not None:
        assert result == service(f"    {wanted}\n")
    loaded = yaml.safe_load(result)["services"]["web"]
    assert "./" not in str(loaded)
    assert "/srv/blog" in str(loaded) or "/srv" in wanted  # type: ignore[operator]


@pytest.mark.parametrize(
    "written",
    [
        "build: https://example.com/repo.git",
        "build: git@example.com:repo.git",
        "build: {context: /x, additional_contexts: {a: 'docker-image://alpine', b: 'service:base'}}",
        "volumes: [data:/data, /anonymous, ~/x:/x]",
        "volumes: [{type: volume, source: data, target: /data}, {type: tmpfs, target: /t}]",
        "extends: {service: base}",
        "extends: base",
        "env_file: []",
    ],
)
def test_what_is_no_path_of_this_machine_stays(written: str) -> None:
    assert edited(service(f"    {written}\n")) == service(f"    {written}\n")


@pytest.mark.parametrize(
    ("path", "values", "wanted"),
    [
        ("${DIR:-./html}", {}, "/srv/blog/${DIR:-./html}"),
        ("${DIR:-./html}", {"DIR": "/abs"}, "${DIR:-./html}"),
        ("${DIR}/html", {"DIR": "./here"}, "/srv/blog/${DIR}/html"),
        ("${DIR}/html", {"DIR": "/abs"}, "${DIR}/html"),
        ("$DIR/html", {}, "$DIR/html"),
        ("${DIR-here}", {}, "/srv/blog/${DIR-here}"),
    ],
)
def test_a_path_that_begins_with_a_variable_goes_by_its_value(
    path: str, values: Mapping[str, str], wanted: str
) -> None:
    result = edited(service(f"    volumes:\n    - '{path}:/x'\n"), values=values)
    assert yaml.safe_load(result)["services"]["web"]["volumes"] == [f"{wanted}:/x"]


def test_the_projects_own_env_file_stays_where_the_app_has_the_same() -> None:
    text = service("    env_file: [.env, ./.env, other.env]\n")
    result = edited(text, keeps_env_file=True)
    assert result == service("    env_file: [.env, ./.env, /srv/blog/other.env]\n")


def test_files_at_the_top_level_become_absolute() -> None:
    result = edited(
        "include: [a.yml, {path: [b.yml, /c.yml], project_directory: sub, env_file: b.env}, 'oci:x']\n"
        "configs: {one: {file: ./one.conf}}\n"
        "secrets:\n  two:\n    file: two.txt\n  three: {environment: THREE}\n" + service("")
    )
    loaded = yaml.safe_load(result)
    assert loaded["include"] == [
        "/srv/blog/a.yml",
        {"path": ["/srv/blog/b.yml", "/c.yml"], "project_directory": "/srv/blog/sub",
         "env_file": "/srv/blog/b.env"},
        "oci:x",
    ]  # fmt: skip
    assert loaded["configs"]["one"]["file"] == "/srv/blog/one.conf"
    assert loaded["secrets"] == {"two": {"file": "/srv/blog/two.txt"}, "three": {"environment": "THREE"}}


KEPT = {"external": True, "name": "blog_data"}


@pytest.mark.parametrize(
    "written",
    [
        "volumes:\n  data:\n",
        "volumes:\n  data: # why\n",
        "volumes:\n  data: ~\n  other: {}\n",
        "volumes:\n  data: {}\n",
        "volumes: {data: {driver: local}, other: }\n",
        "volumes: {data, other}\n",
        "volumes: {data: , other: {}}\n",
        "volumes:\n  data:\n    driver: local\n    # inside\n    labels:\n      a: b\n  # behind\n  other:\n",
        "volumes:\n  'data':\n    name: blog_data\n",
        "volumes:\n  other: &local {driver: local}\n  data: *local\n",
        "volumes:\n  data: &local\n    driver: local\n  other: *local\n",
        "x-v: &v {driver: local}\nvolumes:\n  data:\n    <<: *v\n",
    ],
)
def test_a_volume_that_stays_becomes_external_in_every_form(written: str) -> None:
    result = edited(service("    volumes: ['data:/data']\n") + written, volumes={"data": "blog_data"})
    assert yaml.safe_load(result)["volumes"]["data"] == KEPT


def test_a_network_that_stays_becomes_external() -> None:
    text = (
        service("    networks: [fixed]\n")
        + "networks:\n  fixed:\n    ipam: {config: [{subnet: 10.0.0.0/24}]}\n"
    )
    result = edited(text, networks={"fixed": "blog_fixed"})
    assert yaml.safe_load(result)["networks"] == {"fixed": {"external": True, "name": "blog_fixed"}}


def test_anchors_and_merges_are_edited_where_they_stand_once() -> None:
    text = """\
x-base: &base
  env_file: [base.env]
  volumes: &mounts
    - ./shared:/shared
services:
  web:
    <<: *base
    image: x
  job:
    <<: [*base]
    image: x
    volumes: *mounts
"""
    result = edited(text)
    assert result == text.replace("base.env", "/srv/blog/base.env").replace("./shared", "/srv/blog/shared")


def test_a_folder_with_odd_characters_is_quoted_and_escaped() -> None:
    text = service("    volumes: [./a:/a]\n    build: 'b'\n")
    result = take_over(text, TakeOver(folder="/srv/my $app's"))
    loaded = yaml.safe_load(result)["services"]["web"]
    assert loaded == {"image": "x", "volumes": ["/srv/my $$app's/a:/a"], "build": "/srv/my $$app's/b"}


@pytest.mark.parametrize("name", ["123", "true", "null", "a: b", "ünïcode"])
def test_names_that_yaml_would_misread_are_quoted(name: str) -> None:
    result = edited(service("") + "volumes: {data: }\n", volumes={"data": name})
    assert yaml.safe_load(result)["volumes"]["data"]["name"] == name


def test_a_file_in_the_form_of_json_is_edited_too() -> None:
    text = (
        '{"name": "blog", "services": {"web": {"image": "x", "volumes": ["./a:/a"]}}, "volumes": {"d": null}}'
    )
    result = edited(text, volumes={"d": "blog_d"})
    assert yaml.safe_load(result) == {
        "services": {"web": {"image": "x", "volumes": ["/srv/blog/a:/a"]}},
        "volumes": {"d": {"external": True, "name": "blog_d"}},
    }
