#!/bin/bash
# Runs the demo and the kernel's SGX selftests as a container would be run by default: what the usual profile refuses is
# refused. As root also with root's usual capabilities, as the first process of a PID namespace, and as a user without
# a name whose home is read-only.
#
#   run.sh [ANYCLAVE] [FOLDER]   FOLDER holds test_sgx and test_encl.elf; without it fetch.sh of
#                                suites/kselftest provides one
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=$(realpath "${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}")
programs=${ANYCLAVE_TEST_SOURCES:-$here/../../crates/cli/tests/programs}

fail() {
    echo "docker: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
folder=$(realpath "${2:-$("$here/../kselftest/fetch.sh")}") || fail "the selftests are not available"

# Where every user may reach it.
work=$(mktemp -d /tmp/anyclave-docker.XXXXXX) || fail "no temporary directory"
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -m 1777 "$work/tmp"
mkdir -m 555 "$work/home"
install -m 755 "$anyclave" "$work/anyclave" && cp -r "$folder" "$work/kselftest" &&
    cp -r "$here/../kselftest" "$work/suite" && chmod -R a+rX "$work" || fail "nothing can be copied"
"${CC:-cc}" -O1 -D_GNU_SOURCE -o "$work/docker_like" "$programs/docker_like.c" || fail "no launcher"

passed=0 failed=0

# in_container OPTIONS COMMAND...
in_container() {
    local options
    read -ra options <<<"$1"
    shift
    env -i PATH="$PATH" HOME="$work/home" TMPDIR="$work/tmp" "$work/docker_like" "${options[@]}" -- "$@"
}

containers=("filter descriptors=256")
[ "$(id -u)" != 0 ] ||
    containers+=("first filter privileges" "readonly=$work/home filter privileges uid=4242")
for options in "${containers[@]}"; do
    echo "== ${options//$work/WORK}"
    for command in "$work/anyclave demo" "$work/suite/run.sh $work/anyclave $work/kselftest"; do
        # shellcheck disable=SC2086 # two or three words each
        if in_container "$options" $command; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            echo "FAILED   ${command//$work/WORK}"
        fi
    done
done

echo "docker: $passed passed, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
