# Sourced by ops/up and ops/test: finds what the machine lacks, installs it when it may, else prints the one
# command that does. Debian 12 or newer; git and Rust are what a clone needs anyway.

root=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
cd "$root"

say() { printf '\033[1m▸ %s\033[0m\n' "$*" >&2; }
fail() { printf '\033[31m✗ %s\033[0m\n' "$*" >&2; exit 1; }

# need COMMAND-OR-PATH PACKAGE…: remembers the packages when the command or path is missing.
missing=()
need() {
    local probe=$1; shift
    case $probe in
        /*) compgen -G "$probe" >/dev/null && return ;;
        *) command -v "$probe" >/dev/null && return ;;
    esac
    missing+=("$@")
}

need_to_build() {
    need cc build-essential
    need make build-essential
    need cmake cmake
    need pkg-config pkg-config
    need mold mold
    need '/usr/include/openssl/ssl.h' libssl-dev
    need '/usr/lib/llvm-*/lib/libclang*.so*' libclang-dev
    need npm nodejs npm
    need '/usr/lib/postgresql/*/bin/postgres' postgresql
    need '/usr/share/seabios/bios-256k.bin' seabios
    need '/usr/lib/u-boot/qemu_arm/u-boot.bin' u-boot-qemu
}

need_to_test() {
    need_to_build
    need python3 python3
    need '/usr/lib/python3*/ensurepip' python3-venv
    need kcat kcat
    need java openjdk-17-jre-headless
    need mvn maven
    need swupdate swupdate
    need cpio cpio
    need openssl openssl
    need softhsm2-util softhsm2
    need jq jq
    need curl curl
    need chromium chromium
    need /usr/sbin/mosquitto mosquitto
}

install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    local install="apt-get install -y --no-install-recommends ${missing[*]}"
    command -v apt-get >/dev/null || fail "missing: ${missing[*]}. This machine has no apt-get: install them its own way."
    if [ "$(id -u)" = 0 ]; then
        say "installing: ${missing[*]}"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq; } >&2 || fail "could not install: $install"
    elif sudo -n true 2>/dev/null; then
        say "installing with sudo: ${missing[*]}"
        { sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive $install -qq; } >&2 || fail "could not install: $install"
    else
        fail "missing: ${missing[*]}. Run this once, then come back:
  sudo apt-get update && sudo $install"
    fi
    missing=()
}

need_rust() {
    [ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
    command -v cargo >/dev/null || fail "Rust is missing: install it from your distribution or with rustup, 1.88 or newer."
}

# The dashboard is embedded in the binary, so it is built first; only when its sources changed.
build_web() {
    local stamp=target/web.stamp
    mkdir -p target
    if [ ! -e web/dist/index.html ] || [ ! -e $stamp ] || [ -n "$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -newer $stamp -print -quit)" ]; then
        say "building the dashboard"
        (cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build) >&2 || fail "the dashboard does not build"
        touch $stamp
    fi
}
