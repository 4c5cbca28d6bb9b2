"""A project's files as an app's content, proved by the real Compose; no container is started."""

from pathlib import Path

import pytest
import yaml

from apps.applications import environment
from apps.applications.content import InvalidContent
from apps.applications.host_rules.rules import EVERYTHING, NOTHING
from apps.deployer.adopt.content import Adopted, NotAdoptable, adopted_content
from apps.deployer.adopt.foreign import ForeignProject
from apps.deployer.dotenv_values import read_values
from apps.deployer.runner import default_runner
from tests.panel.test_view_projects import container

pytestmark = pytest.mark.engine

MANY_FORMS = """\
# All that may hang on the folder
name: fancy
x-env: &env
  env_file: [base.env, {path: ./gone.env, required: false}]
include: [inner/compose.yml]
services:
  web:
    <<: *env
    build: {context: ./app, dockerfile: Dockerfile.web, additional_contexts: [lib=./lib]}
    image: demo/web:${TAG:-1}
    environment: {TOKEN: "${TOKEN}", PRICE: 'a$$b'}
    volumes: [./html:/www, "data:/data", /cache, "${DIR:-./rel}:/rel", "~/home:/home"]
    configs: [conf]
    secrets: [key]
    networks: [front, fixed]
  job:
    extends: {file: ./base.yml, service: job}
    env_file: .env
    profiles: [jobs]
    volumes: [{type: bind, source: ../up, target: /up}]
configs: {conf: {file: ./conf.ini}}
secrets:
  key: {file: secret/key}
networks:
  front: {name: shared}
  fixed: {ipam: {config: [{subnet: 10.99.0.0/24}]}}
volumes:
  data: &local {driver: local}   # precious
  more: *local
"""


def project(folder: Path, *files: str, services: tuple[str, ...] = ("web",)) -> ForeignProject:
    labels = {"working_dir": str(folder), "config_files": tuple(str(folder / name) for name in files)}
    return ForeignProject(
        "old", tuple(container("old", id=name, service=name, **labels) for name in services)
    )


def adopted(folder: Path, *files: str, services: tuple[str, ...] = ("web",)) -> Adopted:
    found = project(folder, *(files or ("compose.yml",)), services=services)
    return adopted_content(
        found, "new-one", {"old_data", "old_more", "old_inner"}, default_runner(), host_rules=EVERYTHING
    )


@pytest.fixture
def folder(tmp_path: Path, engine: object) -> Path:
    path = tmp_path / "a folder"
    (path / "inner").mkdir(parents=True)
    (path / "base.env").write_text("FROM_FILE='x $y'\n")
    (path / "base.yml").write_text("services: {job: {image: demo/job, volumes: ['./job:/job']}}\n")
    (path / "inner" / "compose.yml").write_text("services: {db: {image: demo/db, volumes: ['./d:/d']}}\n")
    (path / ".env").write_text('TOKEN="it\'s $$5"\nQUOTED=\'lit $x\'\nMULTI="a\\nb"\nTAIL=${QUOTED}!\n')
    (path / "compose.yml").write_text(MANY_FORMS)
    return path


def test_values_are_read_as_compose_reads_them(folder: Path) -> None:
    assert read_values(default_runner(), [(folder / ".env").read_bytes()]) == {
        "TOKEN": "it's $5", "QUOTED": "lit $x", "MULTI": "a\nb", "TAIL": "lit $x!",
    }  # fmt: skip


def test_every_form_of_a_path_is_edited_and_proved(folder: Path) -> None:
    found = adopted(folder)

    assert not found.is_merged
    text = found.content.yaml
    assert text.startswith("# All that may hang on the folder\nx-env: &env\n")
    assert "# precious" in text
    loaded = yaml.safe_load(text)
    assert loaded["volumes"]["data"] == {"external": True, "name": "old_data"}
    assert loaded["networks"]["front"] == {"external": True, "name": "shared"}
    assert loaded["networks"]["fixed"] == {"external": True, "name": "old_fixed"}
    assert environment.values(found.content.environment)["TOKEN"] == "it's $5"
    assert "it's" not in text


def test_a_profile_in_use_is_kept_in_the_environment(folder: Path) -> None:
    found = adopted(folder, services=("web", "job"))
    assert environment.values(found.content.environment)["COMPOSE_PROFILES"] == "jobs"
    assert sorted(found.model["services"]) == ["db", "job", "web"]
    # `.env` has more in it than the old one now: the job goes on reading that.
    assert found.model["services"]["job"]["environment"].keys() == {"TOKEN", "QUOTED", "MULTI", "TAIL"}


def test_what_an_included_file_declares_takes_the_merged_form(folder: Path) -> None:
    (folder / "inner" / "compose.yml").write_text(
        "services: {db: {image: demo/db, volumes: ['inner:/d']}}\nvolumes: {inner: {}}\n"
    )
    (folder / "compose.yml").write_text(MANY_FORMS.replace('"${DIR:-./rel}:/rel", ', ""))
    found = adopted(folder)
    assert found.is_merged
    loaded = yaml.safe_load(found.content.yaml)
    assert loaded["volumes"]["inner"] == {"external": True, "name": "old_inner"}
    assert "include" not in loaded
    assert loaded["services"]["web"]["environment"]["TOKEN"] == "${TOKEN}"
    assert "it's" not in found.content.yaml


def test_where_neither_form_is_equal_the_paths_are_told_and_no_values(folder: Path) -> None:
    (folder / "compose.yml").write_text(
        "services: {web: {image: x, environment: {P: '${COMPOSE_PROJECT_NAME}-${TOKEN}'}}}\n"
    )
    with pytest.raises(NotAdoptable) as caught:
        adopted(folder)
    assert "services.web.environment.P" in str(caught.value)
    assert "it's" not in str(caught.value)


@pytest.mark.parametrize("key", ["env_file: {}", "extends: {{file: {}, service: x}}", "build: {{ssh: [{}=}}"])
def test_a_file_that_points_at_somebody_elses_is_not_quoted(folder: Path, key: str) -> None:
    (folder / "foreign").write_text("root-of all:$6$hash:19000:0:::\n")
    (folder / "compose.yml").write_text(
        f"services:\n  web:\n    image: x\n    {key.format(folder / 'foreign')}\n"
    )
    with pytest.raises(NotAdoptable) as caught:
        adopted(folder)
    assert "hash" not in str(caught.value)
    assert "root-of" not in str(caught.value).replace(str(folder), "")


@pytest.mark.parametrize(
    ("keys", "label"),
    [
        ("privileged: true", "Privileged containers"),
        ("volumes: ['./html:/www']", "Binds of paths outside of the app's folder"),
        ("env_file: /proc/self/environ", "Files outside of the app's folder that Compose or Docker reads"),
        ("env_file: ../secret.env", "Files outside of the app's folder that Compose or Docker reads"),
        ("volumes: ['data:/x']\nvolumes: {data: }", "Networks, volumes and names that are not the app's"),
    ],
)
def test_who_may_ask_nothing_of_the_host_takes_nothing_over_that_does(
    tmp_path: Path, keys: str, label: str
) -> None:
    (tmp_path / "secret.env").write_text("TOKEN=hunter2-of-the-machine\n")
    folder = tmp_path / "old"
    folder.mkdir()
    service, _, rest = keys.partition("\n")
    (folder / "compose.yml").write_text(f"services:\n  web:\n    image: x\n    {service}\n{rest}\n")
    with pytest.raises(InvalidContent) as refused:
        adopted_content(
            project(folder, "compose.yml"), "new-one", {"old_data"}, default_runner(), host_rules=NOTHING
        )
    assert f"allow “{label}” for this app" in str(refused.value)
    assert "hunter2" not in str(refused.value)
