import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.shell import Machine

# What a fake `docker` answers, with and without a daemon behind it.
READY = 'case "$*" in *"compose version"*) echo 2.26.1;; *) echo 28.0.0;; esac'
NO_DAEMON = """case "$*" in
    *"compose version"*) echo 2.26.1;;
    "context inspect"*) echo unix:///var/run/docker.sock;;
    *) exit 1;;
esac"""


@pytest.fixture
def root(machine: Machine) -> Machine:
    machine.add("id", "echo 0")
    return machine


def candidates(machine: Machine, **versions: str) -> None:
    """Let apt offer these packages (underscores for hyphens) in these versions."""
    answers = "\n".join(
        f'  {name.replace("_", "-")}) echo "  Candidate: {version}";;' for name, version in versions.items()
    )
    machine.add("apt-cache", f'case "$2" in\n{answers}\n  *) echo "  Candidate: (none)";;\nesac')


def test_nothing_is_done_where_engine_and_compose_are_ready(root: Machine) -> None:
    root.add("docker", READY)
    root.add("apt-get")
    done = root.run("ensure_engine")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not [call for call in root.calls if not call.startswith(("docker", "id"))]


def test_a_missing_engine_is_installed_with_its_command_line_program(root: Machine) -> None:
    root.add("apt-get")
    candidates(root, docker_cli="26.1.5")
    root.run("install_engine")
    (install,) = [call for call in root.calls if call.startswith("apt-get install")]
    assert "docker.io iptables ca-certificates docker-cli" in install


def test_a_release_without_docker_cli_is_not_asked_for_it(root: Machine) -> None:
    root.add("apt-get")
    candidates(root)
    root.run("install_engine")
    (install,) = [call for call in root.calls if call.startswith("apt-get install")]
    assert "docker-cli" not in install


@pytest.mark.parametrize(
    ("offered", "package"),
    [
        ({"docker_compose_v2": "2.24.6+ds1-0ubuntu1", "docker_compose": "1.29.2-6"}, "docker-compose-v2"),
        ({"docker_compose_plugin": "5:2.39.1-1", "docker_compose": "1.29.2-3"}, "docker-compose-plugin"),
        ({"docker_compose": "2.26.1-4"}, "docker-compose"),
    ],
)
def test_the_package_with_a_recent_compose_is_installed(
    root: Machine, offered: dict[str, str], package: str
) -> None:
    root.add("apt-get")
    candidates(root, **offered)
    assert root.run("install_compose").returncode == 0
    (install,) = [call for call in root.calls if call.startswith("apt-get install")]
    assert install.endswith(f" {package}")


def test_debian_12_takes_compose_from_the_next_suite_and_nothing_else(root: Machine) -> None:
    (root.folder / "apt").mkdir()
    (root.folder / "apt" / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    root.add("apt-get")
    candidates(root, docker_compose="1.29.2-3")
    done = root.run(f'ROOT="{root.folder}"; install_compose')
    assert done.returncode == 0, done.stderr
    source = (root.folder / ".cache" / "apt-trixie" / "trixie.sources").read_text()
    assert "URIs: http://mirror.example/debian\nSuites: trixie\n" in source
    install = root.calls[-1]
    assert install.endswith(" docker-compose/trixie")
    assert f"Dir::Etc::sourceparts={root.folder}/.cache/apt-trixie" in install
    assert "Dir::Etc::sourcelist=/dev/null" in install


def test_without_rights_the_commands_for_compose_are_printed(machine: Machine) -> None:
    machine.without_rights()
    (machine.folder / "apt").mkdir()
    (machine.folder / "apt" / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    machine.add("apt-get")
    machine.add("docker", 'case "$*" in *compose*) exit 1;; *) echo 28.0.0;; esac')
    candidates(machine, docker_compose="1.29.2-3")
    done = machine.run(f'ROOT="{machine.folder}"; ensure_engine')
    assert done.returncode == 1
    update, install = [line for line in done.stderr.splitlines() if "Dir::Etc::sourcelist" in line]
    assert update.strip().startswith("sudo apt-get ")
    assert update.endswith(" update")
    assert install.endswith(" install --no-install-recommends docker-compose/trixie")
    assert not [call for call in machine.calls if call.startswith("apt-get")]


def test_an_old_compose_is_not_enough(root: Machine) -> None:
    root.add("docker", 'case "$*" in *"compose version"*) echo 2.17.2;; *) echo 24.0.5;; esac')
    root.add("apt-get")
    candidates(root, docker_compose_plugin="2.17.2")
    (root.folder / "os-release").write_text("ID=ubuntu\nVERSION_CODENAME=jammy\n")
    done = root.run("ensure_engine")
    assert done.returncode == 1
    assert "No package of Compose 2.20 or newer" in done.stderr


def test_a_service_manager_starts_the_daemon(root: Machine) -> None:
    (root.folder / "systemd").mkdir()
    root.add("dockerd")
    root.add("docker", f'[ -e "{root.folder}/up" ] || {{ {NO_DAEMON}; exit 0; }}\n{READY}')
    root.add("systemctl", f'touch "{root.folder}/up"')
    done = root.run("ensure_engine", SYSTEMD_FOLDER=str(root.folder / "systemd"))
    assert done.returncode == 0, done.stderr
    assert "systemctl enable --now docker" in root.calls
    assert not [call for call in root.calls if call.startswith("dockerd")]


def test_without_rights_the_command_for_the_service_is_printed(machine: Machine) -> None:
    machine.without_rights()
    (machine.folder / "systemd").mkdir()
    machine.add("dockerd")
    machine.add("docker", NO_DAEMON)
    machine.add("systemctl")
    done = machine.run("ensure_engine", SYSTEMD_FOLDER=str(machine.folder / "systemd"))
    assert done.returncode == 1
    assert "    sudo systemctl enable --now docker\n" in done.stderr
    assert "    sudo usermod --append --groups docker ann\n" in done.stderr
    assert not [call for call in machine.calls if call.startswith("systemctl")]


@pytest.fixture
def fake_daemon(root: Machine) -> Iterator[Machine]:
    """A dockerd that notes its environment and answers through the fake docker from then on."""
    root.add(
        "dockerd",
        f'env >"{root.folder}/daemon-environment"; pwd >"{root.folder}/daemon-folder"\n'
        f'echo $$ >"{root.folder}/daemon-pid"; touch "{root.folder}/up"; exec sleep 60',
    )
    root.add("docker", f'[ -e "{root.folder}/up" ] || {{ {NO_DAEMON}; exit 0; }}\n{READY}')
    yield root
    pid_file = root.folder / "daemon-pid"
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_where_nothing_else_does_it_a_daemon_is_started_that_outlives_the_script(
    fake_daemon: Machine,
) -> None:
    done = fake_daemon.run(
        "ensure_engine --data-root /x; echo $DOCKERD_PID",
        SIMPLEDEPLOY_SECRET_KEY="not-for-the-daemon", HTTPS_PROXY="http://proxy.example:3128",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pid = int((fake_daemon.folder / "daemon-pid").read_text())
    assert int(done.stdout) == pid
    assert os.getsid(pid) == pid, "a session of its own: signals to the script's terminal do not reach it"
    assert Path(f"/proc/{pid}").exists()
    assert "dockerd --data-root /x --default-address-pool base=10.200.0.0/16,size=24" in fake_daemon.calls
    assert str(fake_daemon.folder / "dockerd.log") in done.stderr
    assert (fake_daemon.folder / "daemon-folder").read_text() == "/\n"
    environment = (fake_daemon.folder / "daemon-environment").read_text()
    assert "not-for-the-daemon" not in environment
    assert "HTTPS_PROXY=http://proxy.example:3128" in environment


def test_a_daemon_that_does_not_come_up_shows_its_last_words(root: Machine) -> None:
    root.add("docker", NO_DAEMON)
    root.add("dockerd", "echo failed to mount the thing; exit 1")
    done = root.run("ensure_engine")
    assert done.returncode == 1
    assert "failed to mount the thing" in done.stderr


def test_without_rights_the_command_for_the_daemon_is_printed(machine: Machine) -> None:
    machine.without_rights()
    machine.add("docker", NO_DAEMON)
    machine.add("dockerd")
    done = machine.run("ensure_engine")
    assert done.returncode == 1
    assert (
        "    sudo sh -c 'setsid dockerd --default-address-pool base=10.200.0.0/16,size=24 >>" in done.stderr
    )
    assert f"{machine.folder}/dockerd.log 2>&1 </dev/null &'\n" in done.stderr
    assert not [call for call in machine.calls if call.startswith("dockerd")]


def test_a_stale_pid_file_is_removed_and_that_of_a_living_daemon_is_kept(root: Machine) -> None:
    run = root.folder / "run"
    (run / "docker" / "containerd").mkdir(parents=True)
    (run / "docker.pid").write_text(str(os.getpid()))
    program = root.folder / "containerd"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "30"]) as living:
        (run / "docker" / "containerd" / "containerd.pid").write_text(str(living.pid))
        done = root.run("clear_stale_pid_files")
        living.kill()
    assert not (run / "docker.pid").exists(), "its process lives, but is no dockerd"
    assert (run / "docker" / "containerd" / "containerd.pid").exists()
    assert "left by a daemon that no longer runs" in done.stderr


def test_an_engine_elsewhere_is_never_replaced_by_one_here(root: Machine) -> None:
    root.add("docker", NO_DAEMON)
    root.add("dockerd")
    done = root.run("ensure_engine", DOCKER_HOST="ssh://elsewhere.example")
    assert done.returncode == 1
    assert "ssh://elsewhere.example does not answer" in done.stderr
    assert not [call for call in root.calls if call.startswith("dockerd")]


def test_a_daemon_that_this_user_may_not_use_is_told_from_one_that_is_missing(machine: Machine) -> None:
    machine.without_rights()
    run = machine.folder / "run"
    run.mkdir()
    machine.add("docker", NO_DAEMON)
    machine.add("dockerd")
    program = machine.folder / "dockerd"
    program.symlink_to("/bin/sleep")
    with socket.socket(socket.AF_UNIX) as listener, subprocess.Popen([program, "60"]) as living:
        (run / "docker.pid").write_text(str(living.pid))
        listener.bind(str(run / "docker.sock"))
        (run / "docker.sock").chmod(0)
        # To root every socket is writable; this takes that answer back.
        done = machine.run(
            '[() { if [[ $* == "! -w "* ]]; then return 0; fi; builtin [ "$@"; }\nensure_engine'
        )
        living.kill()
    assert done.returncode == 1
    assert done.stderr.count("sudo usermod --append --groups docker ann") == 1
    assert "user ann may not use it" in done.stderr
