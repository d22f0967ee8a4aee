#!/bin/bash
# Installs Debian packages where that is possible, and otherwise says which are needed.
#
#   packages.sh NAME PACKAGE...   NAME is who asks
set -euo pipefail

name=$1
shift

fail() {
    echo "$name: $*" >&2
    exit 1
}

if ! command -v dpkg-query apt-get >/dev/null; then
    echo "$name: not Debian; it needs what Debian calls $*" >&2
    exit 0
fi
missing=()
for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} != 0 ] || exit 0
[ "$(id -u)" = 0 ] || fail "not root; run once as root: apt-get update && apt-get install ${missing[*]}"
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install ${missing[*]}"
