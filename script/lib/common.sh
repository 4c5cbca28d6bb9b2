# shellcheck shell=bash
# What every script needs. Sourced, not run; sources the other parts of script/lib itself.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
SCRIPT="script/$(basename "$0")"
# People without rights often lack the folders in which daemons lie.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
cd "$ROOT"

say() { printf '%s: %s\n' "$SCRIPT" "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least VERSION WANTED: whether VERSION (2.26.1, v2.26.1-4) is WANTED or newer.
at_least() { [ "$(printf '%s\n%s\n' "${1#v}" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Whether this run may change the machine: it is root's, or sudo asks for no password.
# SIMPLEDEPLOY_NO_INSTALL=1 says no for those who want to see the commands and run them themselves.
may_change_machine() {
    [ -z "${SIMPLEDEPLOY_NO_INSTALL:-}" ] || return 1
    [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Commands that somebody with rights has to run; printed by print_pending.
PENDING=()

# change_machine COMMAND...: run it as root where that is allowed, else note it for the person.
change_machine() {
    if may_change_machine; then
        as_root "$@"
    else
        PENDING+=("$(printf ' %q' "$@")")
        return 1
    fi
}

print_pending() {
    [ "${#PENDING[@]}" -gt 0 ] || return 0
    say "This run may not change the machine (that takes root, or sudo without a password). Please run:"
    printf '    sudo%s\n' "${PENDING[@]}" >&2
    PENDING=()
}

# logged COMMAND...: run it in silence; where it fails, show the end of what it printed.
logged() {
    local log code=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || code=$?
    [ "$code" = 0 ] || tail -n "${LOGGED_LINES:-25}" "$log" >&2
    rm -f "$log"
    return "$code"
}
