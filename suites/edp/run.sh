#!/bin/bash
# Runs an enclave of the Fortanix platform, with threads, panics and a standard library, under
# `anyclave run`.
#
#   run.sh [ANYCLAVE] [FOLDER]   FOLDER holds ftxsgx-runner and cases.sgxs; without it fetch.sh
#                                provides one
#
# ANYCLAVE_RUN_OPTIONS    more options for `anyclave run`
# ANYCLAVE_CASE_TIMEOUT   seconds for one run of the enclave (120)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}
seconds=${ANYCLAVE_CASE_TIMEOUT:-120}
read -ra options <<<"${ANYCLAVE_RUN_OPTIONS:-}"

fail() {
    echo "edp: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
anyclave=$(realpath "$anyclave")
folder=${2:-$("$here/fetch.sh")} || fail "the enclave is not available"

logs=$(mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$logs"' EXIT

# enclave LOG WORD...: runs the enclave; its output and its complaints go to two files.
enclave() {
    local log=$logs/$1
    shift
    timeout -k 5 "$seconds" "$anyclave" run -q "${options[@]}" -- \
        "$folder/ftxsgx-runner" "$folder/cases.sgxs" "$@" >"$log.out" 2>"$log.err"
}

passed=0 failed=0
# verdict NAME LOG CONDITION...: the condition decides; a log is shown when it does not hold.
verdict() {
    local name=$1 log=$logs/$2
    shift 2
    if "$@"; then
        passed=$((passed + 1))
        echo "ok       $name"
    else
        failed=$((failed + 1))
        echo "FAILED   $name"
        sed 's/^/    /' "$log.out" "$log.err"
    fi
}

# ends LOG STATUS TEXT: the run ended with STATUS, and the runner said TEXT.
ends() {
    [ "$status" = "$2" ] && grep -Fq "$3" "$logs/$1.err"
}

enclave all all "a word with spaces"
status=$?
passed=$(grep -c '^ok  ' "$logs/all.out")
failed=$(grep -c '^FAILED ' "$logs/all.out")
grep -E '^(ok|FAILED) ' "$logs/all.out"
end=$([ "$failed" = 0 ] && echo 0 || echo 255)
count="$passed of $((passed + failed)) cases are right"
verdict "every case ran" all grep -qx "$count" "$logs/all.out"
verdict "println" all grep -qx "println reaches the host" "$logs/all.out"
verdict "the enclave ends by itself" all [ "$status" = "$end" ]

enclave panic panic
status=$?
verdict "a panic ends the enclave and its host with 255" panic \
    ends panic 255 "this panic ends the enclave"

enclave exit exit
status=$?
verdict "an exit with 7 ends the host with 255" exit ends exit 255 "Exited with status code 7"

# A write (2) by a user (4) to an address in the enclave that has no page; the offset in the page is not told.
enclave overflow overflow
status=$?
overflowed() {
    ends overflow 255 "function: EResume, exception_vector: 14, exception_error_code: 6" &&
        grep -Eq 'exception_addr: 0x[0-9a-f]+000 }' "$logs/overflow.err"
}
verdict "a stack overflow ends the enclave by a page fault" overflow overflowed

echo "edp: $passed cases are right, $failed are not"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
