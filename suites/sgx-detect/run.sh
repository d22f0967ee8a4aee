#!/bin/bash
# Runs Fortanix's sgx-detect under `anyclave run` and compares what it found with the file
# `expectations`, line by line.
#
#   run.sh [ANYCLAVE] [FOLDER]   FOLDER holds sgx-detect; without it fetch.sh provides one
#
# ANYCLAVE_RUN_OPTIONS    more options for `anyclave run`
# ANYCLAVE_CASE_TIMEOUT   seconds (60)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}
seconds=${ANYCLAVE_CASE_TIMEOUT:-60}
read -ra options <<<"${ANYCLAVE_RUN_OPTIONS:-}"

fail() {
    echo "sgx-detect: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
anyclave=$(realpath "$anyclave")
folder=${2:-$("$here/fetch.sh")} || fail "sgx-detect is not available"

log=$(mktemp) || fail "no temporary file"
trap 'rm -f "$log"' EXIT

# Prints `ITEM|ANSWER` for each line of the tree; ITEM is the path to it. One line holds several
# items side by side, and one a size, of which only counts that it is not zero.
items() {
    awk '
    /^You|^help:/ { exit }
    /^ *(yes|no|\?\?\?) / {
        depth = match($0, /[^ ]/) - 1
        answer = $1
        if (NF > 3 && $0 ~ /(yes|no|\?\?\?) +[A-Z0-9]+ +(yes|no|\?\?\?) /) {
            for (field = 1; field < NF; field += 2) print where[depth - 2] $(field + 1) "|" $field
            next
        }
        sub(/^ *[^ ]+ +/, "")
        sub(/ \(\/dev\/sgx_enclave\)$/, "")
        print where[depth - 2] $0 "|" answer
        where[depth] = where[depth - 2] $0 " > "
        next
    }
    /^ *SGX features$/ { where[2] = "SGX features > " }
    /^ *Total EPC size:/ {
        print "SGX features > Total EPC size|" ($4 ~ /^[1-9]/ && NF == 4 ? "yes" : "no")
    }' "$log"
}

timeout -k 5 "$seconds" "$anyclave" run -q "${options[@]}" -- "$folder/sgx-detect" --plaintext \
    >"$log" 2>&1
status=$?

passed=0 waiting=0 failed=0
# verdict WORD TEXT
verdict() {
    case $1 in
    ok) passed=$((passed + 1)) ;;
    waiting) waiting=$((waiting + 1)) ;;
    FAILED) failed=$((failed + 1)) ;;
    esac
    printf '%-8s %s\n' "$1" "$2"
}

if [ "$status" = 0 ]; then
    verdict ok "sgx-detect ends well"
else
    verdict FAILED "sgx-detect ends with $status"
fi

declare -A found
while IFS='|' read -r item answer; do
    found[$item]=$answer
done < <(items)

while IFS='|' read -r item want; do
    got=${found[$item]:-missing}
    unset "found[$item]"
    case $want/$got in
    yes/yes) verdict ok "$item" ;;
    yes/*) verdict FAILED "$item: $got" ;;
    "any: "*/yes | "any: "*/no) verdict ok "$item: $got (${want#any: })" ;;
    "no: "*/no) verdict ok "$item: no (${want#no: })" ;;
    "wait: "*/yes | "wait: "*/missing | "no: "*) verdict FAILED "$item: $got although expectations says \"$want\"" ;;
    "wait: "*) verdict waiting "$item (${want#wait: })" ;;
    *) verdict FAILED "$item: expectations says \"$want\"" ;;
    esac
done < <(sed -nE 's/^([^#]+[^ ]) {2,}((yes|no|any|wait).*)$/\1|\2/p' "$here/expectations")

# A line that sgx-detect prints and expectations does not name must not go unseen.
for item in "${!found[@]}"; do
    verdict FAILED "$item: not named in expectations"
done

[ "$failed" = 0 ] || sed 's/^/    /' "$log"
echo "sgx-detect: $passed passed, $waiting waiting, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
