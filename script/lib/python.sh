# shellcheck shell=bash
# Python and the virtual environment.

# More options for pip's installs.
PIP_OPTIONS=()
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"

# Print the newest-enough Python that can make virtual environments.
find_python() {
    local name
    for name in ${PYTHON_CANDIDATES:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

# Whether the virtual environment is of this folder and its Python still runs.
venv_works() {
    [ -x "$PYTHON" ] && "$PYTHON" -c "" 2>/dev/null &&
        [[ "$(sed -n 's/^command = //p' "$VENV/pyvenv.cfg" 2>/dev/null)" == *" $VENV" ]]
}

make_venv() {
    local python
    ! venv_works || return 0
    if ! python=$(find_python); then
        install_for "Python 3.11 or newer with its venv module" "python3" python3 python3-venv || true
        print_pending
        python=$(find_python) || fail "There is no Python 3.11 or newer with its venv module; nothing was set up."
    fi
    if [ -e "$VENV" ]; then
        [ -e "$VENV/pyvenv.cfg" ] || fail "$VENV is no virtual environment; move it away and run this again."
        say "The virtual environment was made for another folder or Python; making it anew."
        rm -rf "$VENV"
    fi
    say "Making the virtual environment .venv with $("$python" --version) ..."
    "$python" -m venv "$VENV"
}

# install_requirements FILE: install what FILE pins, unless that was done already.
install_requirements() {
    local file=$1 stamp wanted
    stamp="$VENV/.installed-$file"
    wanted="$(sha256sum <"$file") $("$PYTHON" --version)"
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "Installing the pinned packages of $file ..."
    logged "$PYTHON" -m pip install --quiet --no-input --disable-pip-version-check "${PIP_OPTIONS[@]}" \
        --requirement "$file" ||
        fail "Installing $file failed (see above). Run this again when it is mended."
    printf '%s\n' "$wanted" >"$stamp"
}

# setup_python FILE...: virtual environment and packages; two runs at once wait for each other.
setup_python() {
    local file
    mkdir -p "$ROOT/.cache"
    exec 9>"$ROOT/.cache/setup.lock"
    ! have flock || flock 9
    make_venv
    for file in "$@"; do install_requirements "$file"; done
    exec 9>&-
}
