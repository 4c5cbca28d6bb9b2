"""What Compose would read: found in the file as it stands, whatever way it is written."""

import os

import pytest

from apps.applications.host_rules.before import MAX_FILE_BYTES, Reads, read_by_compose
from apps.applications.host_rules.ground import Ground
from apps.applications.host_rules.rules import HostRule

VALUES = {"IN": "./in.env", "OUT": "/etc/shadow", "EMPTY": "", "DOTS": ".."}

OUTSIDE = {
    "env_file": "services: {web: {image: x, env_file: /etc/shadow}}",
    "list": "services: {web: {image: x, env_file: [in.env, /etc/shadow]}}",
    "long form": "services: {web: {image: x, env_file: [{path: /etc/shadow, required: false}]}}",
    "dots": "services: {web: {image: x, env_file: sub/../../x}}",
    "home": "services: {web: {image: x, env_file: ~/.docker/config.json}}",
    "link": "services: {web: {image: x, env_file: link/shadow}}",
    "link to a file": "services: {web: {image: x, env_file: shadow}}",
    "link and dots": "services: {web: {image: x, env_file: link/../x}}",
    "variable": "services: {web: {image: x, env_file: $OUT}}",
    "braces": "services: {web: {image: x, env_file: '${DOTS}/${DOTS}/x'}}",
    "default": "services: {web: {image: x, env_file: '${EMPTY:-/etc/shadow}'}}",
    "anchor": "x-a: &a /etc/shadow\nservices: {web: {image: x, env_file: *a}}",
    "merge": "x-a: &a {env_file: /etc/shadow}\nservices: {web: {<<: *a, image: x}}",
    "merge list": "x-a: &a {env_file: /etc/shadow}\nx-b: &b {}\nservices: {web: {<<: [*b, *a], image: x}}",
    "merge of merge": "x-a: &a {env_file: /etc/shadow}\nx-b: &b {<<: *a}\nservices: {web: {<<: *b}}",
    "merged services": "x-s: &s {web: {env_file: /etc/shadow}}\nservices: {<<: *s, db: {image: x}}",
    "merged file": "x-f: &f {services: {web: {env_file: /etc/shadow}}}\n<<: *f\n",
    "label_file": "services: {web: {image: x, label_file: [/etc/shadow]}}",
    "extends": "services: {web: {extends: {file: /etc/x.yml, service: a}}}",
    "extends, merged": "x-f: &f {file: /etc/x.yml}\nservices: {web: {extends: {<<: *f, service: a}}}",
    "include": "include: [/etc/x.yml]\nservices: {web: {image: x}}",
    "include alone": "include: /etc/x.yml",
    "include path": "include: [{path: /etc/x.yml}]",
    "include paths": "include: [{path: [in.yml, /etc/x.yml]}]",
    "include env_file": "include: [{path: in.yml, env_file: /etc/shadow}]",
    "include env_files": "include: [{path: in.yml, env_file: [in.env, /etc/shadow]}]",
    "include folder": "include: [{path: in.yml, project_directory: /etc}]",
    "linked .env": "include: [{path: in.yml, project_directory: sub}]",
    "included file": "include: [inc.yml]",
    "included twice": "include: [twice.yml]",
    "extended file": "services: {web: {extends: {file: inc.yml, service: a}}}",
    "folder of the included": "include: [sub/deep.yml]",
    "pipe": "services: {web: {image: x, env_file: pipe}}",
    "device": "services: {web: {image: x, env_file: /dev/zero}}",
    "process": "services: {web: {image: x, env_file: /proc/self/environ}}",
    "large": "services: {web: {image: x, env_file: large}}",
    "written by a container": "services: {web: {image: x, env_file: data/x.env}}",
    "unknown variable": "services: {web: {image: x, env_file: '${HOME}/x'}}",
    "variable of Compose": "services: {web: {image: x, env_file: '${COMPOSE_X}/x'}}",
    "rare form": "services: {web: {image: x, env_file: '${IN:+/etc/shadow}'}}",
    "nested form": "services: {web: {image: x, env_file: '${EMPTY:-${OUT}}'}}",
    "variable of the included": "include: [variable.yml]",
}
REMOTE = {
    "include git": "include: ['https://example.com/x.git']",
    "include ssh": "include: [{path: 'git@example.com:x/y.git'}]",
    "include oci": "include: [oci://example.com/x]",
    "extends": "services: {web: {extends: {file: 'https://example.com/x.yml', service: a}}}",
    "github": "include: [github.com/x/y]",
}
UNKNOWN = {
    "binary value": "services: {web: {image: x, env_file: !!binary L2V0Yy9zaGFkb3c=}}",
    "binary key": "services: {web: {image: x, !!binary ZW52X2ZpbGU=: /etc/shadow}}",
    "own tag": "services: {web: {image: x, command: !secret x}}",
    "two documents": "services: {web: {image: x}}\n---\nservices: {web: {env_file: /etc/shadow}}",
    "no YAML": "services: [",
    "an included file that is none": "include: [broken.yml]",
}


@pytest.fixture
def ground(tmp_path):
    folder = tmp_path / "shop"
    (folder / "sub").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "in.env").write_text("A=1\n")
    (folder / "data" / "x.env").write_text("A=1\n")
    (folder / "link").symlink_to("/etc")
    (folder / "shadow").symlink_to("/etc/shadow")
    (folder / "sub" / ".env").symlink_to("/etc/shadow")
    (folder / "in.yml").write_text("services: {in: {image: x, env_file: in.env}}")
    (folder / "inc.yml").write_text("services: {a: {image: x, env_file: /etc/shadow}}")
    (folder / "twice.yml").write_text("include: [inc.yml]")
    (folder / "sub" / "deep.yml").write_text("services: {a: {image: x, env_file: ../../x}}")
    (folder / "variable.yml").write_text("services: {a: {image: x, env_file: $IN}}")
    (folder / "broken.yml").write_text("services: [")
    (folder / "round.yml").write_text("include: [round.yml]")
    os.mkfifo(folder / "pipe")
    with (folder / "large").open("wb") as large:
        large.truncate(MAX_FILE_BYTES + 1)
    return Ground(folder, "simpledeploy-shop", ask_writable=lambda: [str(folder / "data")])


def read(text: str, ground: Ground) -> Reads:
    return read_by_compose(text, VALUES, ground)


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_file_outside_is_found(text, ground):
    found = read(text, ground).found
    assert {one.rule for one in found} == {HostRule.FILES}
    assert found[0].place is not None


@pytest.mark.parametrize("text", REMOTE.values(), ids=REMOTE.keys())
def test_an_address_is_found(text, ground):
    assert [one.rule for one in read(text, ground).found] == [HostRule.REMOTE]


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_cannot_be_read_as_compose_does_is_found(text, ground):
    assert HostRule.UNKNOWN in {one.rule for one in read(text, ground).found}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("services: {web: {image: x, env_file: [in.env, ./in.env]}}", ["in.env", "in.env"]),
        ("services: {web: {image: x, env_file: $IN}}", ["in.env"]),
        ("services: {web: {image: x, env_file: '${EMPTY:-in.env}'}}", ["in.env"]),
        ("services: {web: {image: x, env_file: 'a$$b'}}", ["a$b"]),
        ("services: {web: {image: x, env_file: sub/../in.env}}", ["in.env"]),
        ("services: {web: {image: x, env_file: .env}}", [".env"]),
        ("services: {web: {image: x, env_file: no-such-file}}", ["no-such-file"]),
        ("services: {web: {extends: {file: in.yml, service: in}}}", ["in.yml", "in.env"]),
        ("services: {web: {extends: other}, other: {image: x}}", []),
        ("include: [in.yml]", ["in.yml", ".env", "in.env"]),
        ("include: [round.yml]", ["round.yml", ".env", "round.yml", ".env"]),
        ("services: {web: {image: x, env_file: }}", []),
        ("services: {web: {image: x, environment: [A=/etc/shadow]}}", []),
        ("services: {web: !reset null, db: {image: !!str x}}", []),
        ("x-unused: {env_file: /etc/shadow}\nservices: {web: {image: x}}", []),
    ],
)
def test_what_lies_in_the_folder_may_be_read(text, files, ground):
    reads = read(text, ground)
    assert reads.found == []
    assert [os.path.relpath(real, ground.root) for real, _place in reads.files] == files


def test_a_finding_of_an_included_file_has_the_line_of_its_include(ground):
    (one,) = read("services:\n  web: {image: x}\ninclude:\n  - inc.yml\n", ground).found
    assert one.place == (4, 5)


def test_long_chains_of_merges_and_includes_end(ground):
    chain = "x-0: &a0 {image: x}\n" + "".join(f"x-{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 1200))
    assert read(f"{chain}services: {{web: *a1199}}", ground).found == []
    for number in range(60):
        (ground.folder / f"i{number}.yml").write_text(f"include: [i{number + 1}.yml]")
    assert [one.rule for one in read("include: [i0.yml]", ground).found] == [HostRule.UNKNOWN]
