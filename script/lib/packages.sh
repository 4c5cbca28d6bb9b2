# shellcheck shell=bash
# Packages of the distribution. Installs with apt; elsewhere it says what to install.

os_field() { sed -n "s/^$1=//p" "${OS_RELEASE:-/etc/os-release}" | tr -d '"' | head -n 1; }

# apt_candidate PACKAGE: the version that apt would install, without its epoch; nothing where there is none.
apt_candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null |
        sed -n -E 's/^  Candidate: ([0-9]+:)?//p' | grep -v '^(none)$' || true
}

APT_UPDATED=""

# Fetch the package lists, once a run.
apt_update() {
    [ -z "$APT_UPDATED" ] || return 0
    APT_UPDATED=1
    if ! may_change_machine; then
        PENDING+=(" apt-get update")
        return 0
    fi
    say "Fetching the package lists (apt-get update) ..."
    change_machine apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null ||
        say "apt-get update failed; going on with the lists that are there."
}

# apt_install PACKAGE...: returns 1 where it may not or does not succeed.
apt_install() {
    if may_change_machine; then
        say "Installing $* ..."
        logged as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
    else
        change_machine apt-get install --no-install-recommends "$@"
    fi
}

# install_for WHAT COMMAND_FOR_FEDORA PACKAGE...: install by apt, else say how.
install_for() {
    local what=$1 fedora=$2
    shift 2
    if have apt-get; then
        apt_update
        apt_install "$@"
    elif have dnf; then
        say "$what is missing. Please run:"
        printf '    sudo dnf install %s\n' "$fedora" >&2
        return 1
    else
        say "$what is missing, and this system ($(os_field PRETTY_NAME)) has neither apt nor dnf:" \
            "please install it by hand. On Debian it is in: $*."
        return 1
    fi
}

# suite_source CODENAME SUITE: print one of this machine's own apt sources for CODENAME, changed to SUITE,
# so that no mirror's name has to be written here. Knows both of apt's formats.
suite_source() {
    local codename=$1 suite=$2 folder=${APT_FOLDER:-/etc/apt} file found
    for file in "$folder"/sources.list.d/*.sources; do
        [ -e "$file" ] || continue
        found=$(awk -v suite="$codename" 'BEGIN { RS = "" }
            $0 ~ "(^|\n)Suites:([^\n]*[ \t])?" suite "([ \t\n]|$)" && !/\nEnabled:[ \t]*no/ { print; exit }' "$file")
        [ -n "$found" ] || continue
        printf '%s\n' "$found" | sed -E "s/^Suites:.*/Suites: $suite/; s/^Components:.*/Components: main/"
        return 0
    done
    for file in "$folder"/sources.list "$folder"/sources.list.d/*.list; do
        [ -e "$file" ] || continue
        found=$(grep -E "^deb[[:space:]](.*[[:space:]])?${codename}[[:space:]]" "$file" | head -n 1) || continue
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' \
            "$(sed -E 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/' <<<"$found")" "$suite"
        if [[ $found =~ signed-by=([^]\ ]+) ]]; then printf 'Signed-By: %s\n' "${BASH_REMATCH[1]}"; fi
        return 0
    done
    return 1
}

# apt_install_from SUITE PACKAGE: install one package of another suite and nothing else from there;
# the machine's own sources and package lists stay as they are.
apt_install_from() {
    local suite=$1 package=$2 folder="$ROOT/.cache/apt-$1" options
    mkdir -p "$folder/lists/partial" || return 1
    # apt downloads as its own user.
    chmod 755 "$folder"
    suite_source "$(os_field VERSION_CODENAME)" "$suite" >"$folder/$suite.sources" || {
        say "No apt source for $(os_field VERSION_CODENAME) was found to take $package from $suite with."
        return 1
    }
    options=(
        -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder"
        -o "Dir::State::Lists=$folder/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o DPkg::Lock::Timeout=300
    )
    if may_change_machine; then
        say "Installing $package of $suite, as this release's own is too old ..."
        logged as_root apt-get "${options[@]}" -q update &&
            logged as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get "${options[@]}" install -y -q --no-install-recommends "$package/$suite"
    else
        change_machine apt-get "${options[@]}" update ||
            change_machine apt-get "${options[@]}" install --no-install-recommends "$package/$suite"
    fi
}
