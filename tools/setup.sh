#!/usr/bin/env bash
# Bring what a checkout needs: the Debian packages that are missing (as root or with sudo), a
# virtual environment in .venv, and formcheck with its development tools in it.
# `setup.sh browser` brings instead the browser that tests and screenshots look through.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

install_packages() { # names of Debian packages, several words in one
    local install="apt-get install -y --no-install-recommends $1" sudo=
    if ! command -v apt-get >/dev/null; then
        echo "setup: this system lacks what Debian has in these packages; install it: $1" >&2
        return 1
    elif [ "$(id -u)" != 0 ]; then
        sudo=sudo
        if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
            echo "setup: system packages are missing; as root, run: apt-get update && $install" >&2
            return 1
        fi
    fi
    echo "setup: installing the system packages that are missing: $1"
    # shellcheck disable=SC2086  # several packages, several words
    $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
}

if [ "${1-}" = browser ]; then
    if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
        install_packages "chromium chromium-driver" ||
            echo "setup: no browser, so the tests that look at pages are left out" >&2
    fi
    exit
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "setup: formcheck needs Python 3.11 or newer as $python (or name one: PYTHON=...)" >&2
    exit 1
fi

# What dlopen cannot find, as Debian packages; ensurepip is in a package of its own there.
packages=$("$python" -c 'from formcheck.system import missing_packages; print(*missing_packages())')
"$python" -c 'from ensurepip import version' 2>/dev/null || packages="python3-venv $packages"
[ -z "$packages" ] || install_packages "$packages"

# A venv that was cut short has no pip yet, and is made again.
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
echo "setup: installing formcheck and its Python packages into .venv (some minutes)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fast]'
