#!/bin/bash
# Runs the kernel's SGX selftests under `anyclave run`, one case at a time, and compares with
# the file `expectations`.
#
#   run.sh [ANYCLAVE] [FOLDER]   FOLDER holds test_sgx and test_encl.elf; without it fetch.sh
#                                provides one
#
# ANYCLAVE_RUN_OPTIONS    more options for `anyclave run`
# ANYCLAVE_CASE_TIMEOUT   seconds for one case (60)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}
seconds=${ANYCLAVE_CASE_TIMEOUT:-60}
read -ra options <<<"${ANYCLAVE_RUN_OPTIONS:-}"

fail() {
    echo "kselftest: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
anyclave=$(realpath "$anyclave")
folder=${2:-$("$here/fetch.sh")} || fail "the selftests are not available"
cd "$folder" || fail "no folder $folder"

# A log for each case, in a place that also an unprivileged caller may write.
logs=$(mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$logs"' EXIT

# Prints pass, skip, fail or timeout. The harness exits with 0 also for a skipped case, so its
# TAP line decides.
run_case() {
    local name=$1 log=$2 status
    timeout -k 5 "$seconds" "$anyclave" run -q "${options[@]}" -- ./test_sgx -t "$name" >"$log" 2>&1
    status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo timeout
    elif grep -Eq "^ok [0-9]+ enclave\.$name( *#.*SKIP.*)$" "$log"; then
        echo skip
    elif [ "$status" = 0 ] && grep -Eq "^ok [0-9]+ enclave\.$name\$" "$log"; then
        echo pass
    else
        echo fail
    fi
}

passed=0 waiting=0 failed=0 known=()
while read -r name want; do
    known+=("$name")
    log=$logs/$name
    got=$(run_case "$name" "$log")
    case $want/$got in
    pass/pass)
        passed=$((passed + 1))
        echo "ok       $name"
        ;;
    wait:*/pass)
        failed=$((failed + 1))
        echo "FAILED   $name: passes although expectations says \"$want\""
        ;;
    wait:*)
        waiting=$((waiting + 1))
        echo "waiting  $name (${want#wait: })"
        ;;
    *)
        failed=$((failed + 1))
        echo "FAILED   $name: $got"
        sed 's/^/    /' "$log"
        ;;
    esac
done < <(grep -Ev '^(#|$)' "$here/expectations")

# A case that the sources have and expectations does not name must not go unseen.
while read -r name; do
    case " ${known[*]} " in
    *" $name "*) ;;
    *)
        failed=$((failed + 1))
        echo "FAILED   $name: not named in expectations"
        ;;
    esac
done < <(./test_sgx -l 2>&1 | sed '1,/^---/d' | awk '{ print $NF }')

echo "kselftest: $passed passed, $waiting waiting, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
