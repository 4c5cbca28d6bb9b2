import pytest

from tests.scripts.shell import Machine

DEB822 = """\
Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Types: deb
# a remark
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg
"""


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("2.26.1-4", "2.20", True),
        ("2.20.0", "2.20", True),
        ("v2.31.0", "2.20", True),
        ("5.0.1", "2.20", True),
        ("2.19.9", "2.20", False),
        ("2.3", "2.20", False),
        ("1.29.2-3", "2.20", False),
    ],
)
def test_versions_are_compared_as_numbers(machine: Machine, version: str, wanted: str, answer: bool) -> None:
    done = machine.run(f"at_least {version} {wanted}")
    assert (done.returncode == 0) is answer


def test_the_next_suite_is_taken_from_the_machines_own_sources(machine: Machine) -> None:
    folder = machine.folder / "apt" / "sources.list.d"
    folder.mkdir(parents=True)
    (folder / "debian.sources").write_text(DEB822)
    done = machine.run("suite_source bookworm trixie")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if not line.startswith("#")] == [
        "Types: deb",
        "URIs: http://mirror.example/debian",
        "Suites: trixie",
        "Components: main",
        "Signed-By: /usr/share/keyrings/debian.gpg",
    ]


def test_the_next_suite_is_taken_from_a_sources_list_of_the_old_form(machine: Machine) -> None:
    (machine.folder / "apt").mkdir()
    (machine.folder / "apt" / "sources.list").write_text(
        "# deb http://old.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib\n"
    )
    done = machine.run("suite_source bookworm trixie")
    assert done.stdout.splitlines() == [
        "Types: deb",
        "URIs: http://mirror.example/debian",
        "Suites: trixie",
        "Components: main",
        "Signed-By: /k.gpg",
    ]


def test_without_a_source_of_the_release_nothing_is_made_up(machine: Machine) -> None:
    (machine.folder / "apt").mkdir()
    done = machine.run("suite_source bookworm trixie")
    assert done.returncode == 1
    assert done.stdout == ""


def test_root_may_change_the_machine_unless_told_otherwise(machine: Machine) -> None:
    machine.add("id", "echo 0")
    assert machine.run("may_change_machine").returncode == 0
    assert machine.run("may_change_machine", SIMPLEDEPLOY_NO_INSTALL="1").returncode == 1


def test_sudo_without_a_password_may_change_the_machine(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    machine.add("sudo", 'shift; exec "$@"')
    machine.add("apt-get")
    done = machine.run("change_machine apt-get -q update")
    assert done.returncode == 0
    assert "sudo -n apt-get -q update" in machine.calls


def test_without_rights_the_exact_commands_are_printed_and_nothing_is_run(machine: Machine) -> None:
    machine.without_rights()
    machine.add("apt-get")
    machine.add("apt-cache")
    done = machine.run("install_for 'The thing' fedora-thing thing other || print_pending")
    assert "    sudo apt-get update\n" in done.stderr
    assert "    sudo apt-get install --no-install-recommends thing other\n" in done.stderr
    assert not [call for call in machine.calls if call.startswith("apt-get")]


def test_a_system_with_dnf_gets_its_own_command(machine: Machine) -> None:
    machine.add("dnf")
    done = machine.run("install_for 'The engine' 'moby-engine docker-compose' docker.io")
    assert done.returncode == 1
    assert "sudo dnf install moby-engine docker-compose" in done.stderr
    assert machine.calls == []


def test_a_system_without_a_known_package_manager_is_told_what_is_missing(machine: Machine) -> None:
    done = machine.run("install_for 'The engine' fedora docker.io iptables")
    assert done.returncode == 1
    assert "The engine is missing" in done.stderr
    assert "docker.io iptables" in done.stderr


def test_a_failing_installation_shows_its_last_words(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", 'case "$*" in *install*) echo "E: no space left"; exit 100;; esac')
    done = machine.run("apt_install thing")
    assert done.returncode != 0
    assert "E: no space left" in done.stderr


def test_a_successful_installation_is_quiet(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("apt-get", "echo Selecting Unpacking Setting up")
    done = machine.run("apt_install thing")
    assert done.returncode == 0
    assert "Unpacking" not in done.stderr + done.stdout
    assert "Installing thing" in done.stderr
