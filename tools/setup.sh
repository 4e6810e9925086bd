#!/usr/bin/env bash
# Bring what a checkout needs: the Debian packages that are missing (as root or with sudo), a
# virtual environment in .venv, and formcheck with its development tools in it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "setup: formcheck needs Python 3.11 or newer as $python (or name one: PYTHON=...)" >&2
    exit 1
fi

# What dlopen cannot find, as Debian packages; ensurepip is in a package of its own there.
packages=$("$python" -c 'from formcheck.system import missing_packages; print(*missing_packages())')
"$python" -c 'from ensurepip import version' 2>/dev/null || packages="python3-venv $packages"

if [ -n "$packages" ]; then
    install="apt-get install -y --no-install-recommends $packages"
    if ! command -v apt-get >/dev/null; then
        echo "setup: this system lacks what Debian has in these packages; install it: $packages" >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo=sudo
    else
        echo "setup: system packages are missing; as root, run: apt-get update && $install" >&2
        exit 1
    fi
    echo "setup: installing the system packages that are missing: $packages"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086  # several packages, several words
    $sudo env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
fi

# A venv that was cut short has no pip yet, and is made again.
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
echo "setup: installing formcheck and its Python packages into .venv (some minutes)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fast]'
