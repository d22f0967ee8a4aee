#!/bin/bash
# Runs an enclave of the Fortanix platform, with threads, panics and a standard library, under
# `anyclave run`.
#
#   run.sh [ANYCLAVE] [FOLDER]   FOLDER holds ftxsgx-runner and its enclaves; without it fetch.sh
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

# A control, and then each way to ask that is no refusal but a #GP.
malformed() {
    enclave "malformed-$1" malformed "$1"
    status=$?
}
malformed none
verdict "EGETKEY: a well-formed request" malformed-none grep -qx "Ok(true)" "$logs/malformed-none.out"
for word in reserved-first reserved-last policy-reserved policy-kss configid configsvn; do
    malformed "$word"
    verdict "EGETKEY: a malformed request, $word" "malformed-$word" \
        ends "malformed-$word" 255 "exception_vector: 13, exception_error_code: 0,"
done

# machine LOG STATE COMMAND...: on a machine whose keys are in the directory STATE.
machine() {
    local log=$logs/$1 state=$logs/state-$2
    timeout -k 5 "$seconds" "$anyclave" run -q "${options[@]}" --state "$state" -- "${@:3}" \
        >"$log.out" 2>"$log.err"
}

# table FILE: each row of a table of keys against the answers of the enclaves. Prints a verdict for each row, and
# `complete` where no answer is left over.
table() {
    awk -v answers="$logs/answers/" '
    /^#/ { next }
    !columns {
        for (column = 2; column <= NF; column++) {
            names[column] = $column
            while ((getline line < (answers $column)) > 0) {
                split(line, words, " ")
                found[column, words[1]] = words[2]
                left++
            }
        }
        columns = NF
        next
    }
    {
        wrong = NF == columns ? "" : " columns"
        base = found[2, $1]
        for (column = 2; column <= columns; column++) {
            got = found[column, $1]
            key = length(got) == 32
            if ($column == "=") right = got != "" && got == base
            else if ($column == "x") right = key && got != base
            else if ($column == "key") right = key
            else right = got == $column
            if (!right) wrong = wrong " " names[column] "=" got
            left--
        }
        print (wrong ? "FAILED   " : "ok       ") "keys, " $1 wrong
    }
    END { if (!left) print "complete" }' "$here/$1"
}

# keys FILE: judges the answers, row by row.
keys() {
    table "$1" >"$logs/$1.out" 2>"$logs/$1.err"
    grep -E '^(ok|FAILED) ' "$logs/$1.out"
    passed=$((passed + $(grep -c '^ok ' "$logs/$1.out")))
    failed=$((failed + $(grep -c '^FAILED ' "$logs/$1.out")))
    verdict "keys, the table $1 is complete" "$1" grep -qx complete "$logs/$1.out"
}

# ask STATE NAME...: the enclaves are asked, all on one machine.
ask() {
    machine ask "$1" "$here/ask.sh" "$folder" "$logs/answers" "${@:2}"
    status=$?
    verdict "keys, the enclaves of the machine answer: ${*:2}" ask [ "$status" = 0 ]
}

mkdir "$logs/answers"
ask one plain again measured signer prodid svn production xfrm exinfo unprivileged
ask one reboot
ask two device
keys keys.plain
ask one kss kss-again kss-measured kss-signer kss-prodid kss-family kss-extprod kss-configid kss-configsvn
keys keys.kss

machine provisioning one env EDP_PROVISION=1 LD_PRELOAD="$folder/create.so" \
    "$folder/ftxsgx-runner" --signature "file=$folder/plain.sig" "$folder/keys.sgxs" provisioning
verdict "EGETKEY: provisioning keys" provisioning \
    grep -qx "provisioning keys are right" "$logs/provisioning.out"

machine talk one "$here/talk.sh" "$folder"
talked() {
    diff "$here/talk.expected" "$logs/talk.out" >&2
}
verdict "EREPORT: two enclaves in two processes, and others" talk talked

echo "edp: $passed cases are right, $failed are not"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
