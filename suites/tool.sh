#!/bin/bash
# Builds a foreign program from crates.io, once for each version, and prints the folder that holds it.
#
#   tool.sh CRATE VERSION PROGRAM...
#
# All share one target directory, so that what two of them need is compiled once. They are built without
# optimisation: they start enclaves, the enclaves do the work.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
foreign=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}/foreign")
crate=$1 version=$2
shift 2
folder=$foreign/$crate-$version/bin

missing() {
    local program
    for program in "$@"; do
        [ -x "$folder/$program" ] || return 0
    done
    return 1
}

if missing "$@"; then
    # The toolchain of this repository, wherever the caller stands.
    cd "$root"
    CARGO_TARGET_DIR=$foreign/build CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
        cargo install --debug --locked --force --root "$foreign/$crate-$version" \
        --version "$version" "${@/#/--bin=}" "$crate" >&2
fi
if missing "$@"; then
    echo "$crate $version does not hold all of: $*" >&2
    exit 1
fi
echo "$folder"
