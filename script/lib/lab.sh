# shellcheck shell=bash
# What the tests need besides the panel: a registry, images' busybox, a browser.
# Needs packages.sh and python.sh.

LAB_PROGRAMS="$ROOT/.cache/lab"
PATH="$PATH:$LAB_PROGRAMS/usr/bin"

# The package docker-registry would start a service for the whole machine; the tests need its program alone.
unpack_registry() {
    local folder
    folder=$(mktemp -d)
    # apt downloads as its own user.
    chmod 777 "$folder"
    apt_update
    say "Fetching docker-registry into .cache/lab (it is unpacked there, not installed) ..."
    if (cd "$folder" && logged apt-get -q download docker-registry) &&
        mkdir -p "$LAB_PROGRAMS" && dpkg-deb --extract "$folder"/docker-registry_*.deb "$LAB_PROGRAMS"; then
        rm -rf "$folder"
    else
        rm -rf "$folder"
        say "docker-registry could not be fetched; the tests that need a registry cannot run."
        return 1
    fi
}

have_browser() { have chromium || have chromium-browser || have google-chrome; }

# Whether the program that drives the browser finds its libraries; Debian's base system lacks one of them.
driver_runs() {
    local driver=("$VENV"/lib/python3*/site-packages/playwright/driver/node)
    "${driver[0]}" --version >/dev/null 2>&1
}

# Install what is missing; returns 1, having said what, where something still is.
ensure_lab() {
    local packages=()
    have htpasswd || packages+=(apache2-utils)
    { have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; } || packages+=(busybox-static)
    have_browser || packages+=(chromium)
    driver_runs || packages+=(libatomic1)
    if [ "${#packages[@]}" -gt 0 ]; then
        install_for "What the tests need" "httpd-tools busybox chromium libatomic" "${packages[@]}" || true
    fi
    if ! have docker-registry; then
        if have apt-get; then unpack_registry || true; else say "docker-registry is missing; install it by hand."; fi
    fi
    print_pending
    have htpasswd && have busybox && have_browser && driver_runs && have docker-registry
}
