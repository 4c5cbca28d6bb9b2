import pytest

from tests.scripts.shell import Machine


def load(machine: Machine, content: str, show: str, **environment: str) -> tuple[int, str, str]:
    path = machine.folder / ".env"
    path.write_text(content)
    path.chmod(0o600)
    done = machine.run(f'load_env_file "{path}"\nprintenv {show} || true', **environment)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(autouse=True)
def printenv(machine: Machine) -> None:
    machine.add("printenv", 'for name; do eval "echo \\"$name=\\$$name\\""; done')


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("SIMPLEDEPLOY_BIND=0.0.0.0:80", "0.0.0.0:80"),
        ("export SIMPLEDEPLOY_BIND=a b c", "a b c"),
        ('SIMPLEDEPLOY_BIND="a # b"', "a # b"),
        ("SIMPLEDEPLOY_BIND='it''s'", "it''s"),
        (
            "SIMPLEDEPLOY_BIND=$(touch executed)`touch executed`$HOME",
            "$(touch executed)`touch executed`$HOME",
        ),
        ("SIMPLEDEPLOY_BIND=", ""),
        ("SIMPLEDEPLOY_BIND=a=b\r", "a=b"),
    ],
)
def test_a_value_is_read_and_nothing_in_it_is_executed(machine: Machine, line: str, value: str) -> None:
    code, stdout, stderr = load(machine, f"# remark\n\n{line}\n", "SIMPLEDEPLOY_BIND")
    assert (code, stdout, stderr) == (0, f"SIMPLEDEPLOY_BIND={value}\n", "")
    assert not (machine.folder / "executed").exists()


def test_the_last_line_needs_no_line_break(machine: Machine) -> None:
    _, stdout, _ = load(machine, "REDIS_URL=redis://a", "REDIS_URL")
    assert stdout == "REDIS_URL=redis://a\n"


def test_the_environment_has_the_last_word_even_where_it_is_empty(machine: Machine) -> None:
    _, stdout, _ = load(machine, "SIMPLEDEPLOY_BIND=file\n", "SIMPLEDEPLOY_BIND", SIMPLEDEPLOY_BIND="given")
    assert stdout == "SIMPLEDEPLOY_BIND=given\n"
    _, stdout, _ = load(machine, "SIMPLEDEPLOY_BIND=file\n", "SIMPLEDEPLOY_BIND", SIMPLEDEPLOY_BIND="")
    assert stdout == "SIMPLEDEPLOY_BIND=\n"


@pytest.mark.parametrize("line", ["hunter2", "SIMPLEDEPLOY-KEY=hunter2", "=hunter2"])
def test_a_line_that_is_none_is_refused_by_its_number_without_its_text(machine: Machine, line: str) -> None:
    code, _, stderr = load(machine, f"# remark\n{line}\n", "HOME")
    assert code == 1
    assert "line 2: this is no KEY=VALUE line" in stderr
    assert "hunter2" not in stderr


@pytest.mark.parametrize("name", ["PATH", "IFS", "BASH_ENV", "LD_PRELOAD", "SIMPLEDEPLOI_BIND"])
def test_a_name_that_is_no_setting_is_refused(machine: Machine, name: str) -> None:
    code, _, stderr = load(machine, f"{name}=x\n", "HOME")
    assert code == 1
    assert f"line 1: {name} is no setting of the panel" in stderr


def test_a_file_that_others_can_read_is_warned_of(machine: Machine) -> None:
    path = machine.folder / ".env"
    path.write_text("TZ=UTC\n")
    path.chmod(0o644)
    done = machine.run(f'load_env_file "{path}"')
    assert done.returncode == 0
    assert f"chmod 600 {path}" in done.stderr


def test_no_file_is_no_problem(machine: Machine) -> None:
    assert machine.run(f'load_env_file "{machine.folder}/none"').stderr == ""
