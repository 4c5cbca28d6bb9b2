"""The argv of what is run in containers: the question which shells there are, the shell, and its end."""

from collections.abc import Iterable
from typing import Final

from apps.deployer.programs import docker_program

# In the environment of the shell, and so of all that it starts. `docker exec` leaves its processes behind
# when its client ends (moby issue 9098); by this, and by their sessions, they are found.
MARKER: Final = "SIMPLEDEPLOY_CONSOLE"
BASH, SH = "bash", "sh"

# What leaves a shell running without its terminal (Ctrl-P Ctrl-Q by default) must not be typed by chance, nor
# must the first key of it be held back.
_DETACH_KEYS = ",".join(["ctrl-^"] * 5 + ["ctrl-_", "ctrl-@"])

# Ends all processes that carry the marker $1, or belong to a session of one that does (or to those named
# by the other arguments: sessions that are known from before): SIGHUP, as a terminal that goes, then
# SIGKILL. Prints the sessions and who is left. With what any sh has; grep or cat find the marker.
_END: Final = r"""
mark="$1"; shift; sessions=" $* "
carries() {
  grep -q "$mark" "$1" 2>/dev/null && return
  case "$(cat "$1" 2>/dev/null)" in *"$mark"*) return 0 ;; esac
  return 1
}
found() {
  for folder in /proc/[0-9]*; do
    pid="${folder#/proc/}"
    { read -r line <"$folder/stat"; } 2>/dev/null || continue
    line="${line##*) }"
    [ "${line%% *}" = Z ] && continue
    rest="${line#* * * }"; session="${rest%% *}"
    [ "$session" -gt 1 ] || continue
    case "$sessions" in *" $session "*) echo "$pid:$session"; continue ;; esac
    if carries "$folder/environ"; then echo "$pid:$session"; fi
  done
}
signal=HUP; turn=0
while :; do
  pids=""
  for entry in $(found); do
    pids="$pids ${entry%:*}"
    case "$sessions" in *" ${entry#*:} "*) ;; *) sessions="$sessions${entry#*:} " ;; esac
  done
  [ -z "$pids" ] && break
  [ "$turn" -ge 12 ] && break
  [ "$turn" -ge 4 ] && signal=KILL
  kill -"$signal" $pids 2>/dev/null
  kill -CONT $pids 2>/dev/null
  turn=$((turn + 1))
  sleep 0.2 2>/dev/null || sleep 1
done
echo "sessions$sessions"
echo "left$pids"
"""


def find_shells(container: str) -> list[str]:
    """Print the path of bash in `container`, or nothing; exit code 126 or 127 where it has not even sh."""
    return [docker_program(), "exec", container, SH, "-c", "command -v bash || :"]


def open_shell(container: str, shell: str, marker: str) -> list[str]:
    """Run `shell` in `container` in a terminal, as the container's own user."""
    return [
        *(docker_program(), "exec", "--interactive", "--tty", f"--detach-keys={_DETACH_KEYS}"),
        *("--env", "TERM=xterm-256color", "--env", f"{MARKER}={marker}"),
        *(container, shell),
    ]


def end_shell(
    container: str, marker: str, *, as_root: bool = False, sessions: Iterable[str] = ()
) -> list[str]:
    """End all that was started in the shell with this `marker`, and what belongs to these sessions.

    Without root it may do what the shell's own user may: never with more rights than the container has.
    """
    user = ("--user", "0") if as_root else ()
    return [docker_program(), "exec", *user, container, SH, "-c", _END, SH, f"{MARKER}={marker}", *sessions]
