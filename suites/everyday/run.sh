#!/bin/bash
# What people do all day, without SGX, comes out the same under `anyclave run`: each script of `cases`
# runs twice, alone and in a run, each time in an empty folder of the same path; standard output,
# standard error and exit status must agree, and the status be 0. The scripts of `refused` are of what
# a run refuses: in a run their standard error must have a line of ours with the text behind
# `# word: `, alone none of ours.
#
#   run.sh [ANYCLAVE] [CASE...]
#
# A case says in a line `# needs: PROGRAM...` what it starts; where that is missing it fails, unless
# ANYCLAVE_EVERYDAY_WITHOUT names the program.
#
# ANYCLAVE_CASE_TIMEOUT   seconds for one case, alone or in a run (300)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}
seconds=${ANYCLAVE_CASE_TIMEOUT:-300}
without=" ${ANYCLAVE_EVERYDAY_WITHOUT:-} "
shift
wanted=("$@")

fail() {
    echo "everyday: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
anyclave=$(realpath "$anyclave")
[ ${#wanted[@]} != 0 ] ||
    mapfile -t wanted < <(cd "$here" && printf '%s\n' cases/*.sh refused/*.sh | sed 's/\.sh$//')

scratch=$(mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$scratch"' EXIT
export EVERYDAY_FILES=$here/files EVERYDAY_SCRATCH=$scratch
export LC_ALL=C TZ=UTC
unset MAKEFLAGS MFLAGS CARGO_TARGET_DIR RUSTFLAGS

# The programs that a case needs and that are not there.
missing() {
    local program
    for program in $(sed -n 's/^# needs: //p' "$1"); do
        command -v "$program" >/dev/null || echo "$program"
    done
}

# once NAME HOW COMMAND...: runs a case in its folder; what came of it is in files of $scratch/HOW.
once() {
    local name=$1 how=$2
    shift 2
    rm -rf "$scratch/work"
    mkdir -p "$scratch/work" "$scratch/$how"
    (cd "$scratch/work" && exec timeout -k 5 "$seconds" "$@" bash "$here/$name.sh") \
        >"$scratch/$how/stdout" 2>"$scratch/$how/stderr" </dev/null
    echo $? >"$scratch/$how/status"
}

# Whether what came of a case is as it should be; says what is not.
agrees() {
    local name=$1 word
    case $name in
    cases/*)
        [ "$(cat "$scratch/alone/status")" = 0 ] || {
            echo "alone it fails"
            tail -n 20 "$scratch/alone/stderr"
            return 1
        }
        diff -r "$scratch/alone" "$scratch/within" && return
        echo "alone (<) and in a run (>) differ"
        return 1
        ;;
    refused/*)
        word=$(sed -n 's/^# word: //p' "$here/$name.sh")
        ! grep '^anyclave: ' "$scratch/alone/stderr" &&
            grep '^anyclave: ' "$scratch/within/stderr" | grep -qF "$word" && return
        echo "no such word: $word"
        cat "$scratch/within/stderr"
        return 1
        ;;
    esac
}

passed=0 failed=0 skipped=0
for name in "${wanted[@]}"; do
    absent=$(missing "$here/$name.sh")
    if [ -n "$absent" ]; then
        unexpected=$(for program in $absent; do [[ $without == *" $program "* ]] || echo "$program"; done)
        if [ -z "$unexpected" ]; then
            skipped=$((skipped + 1))
            echo "skipped  $name: without $absent"
        else
            failed=$((failed + 1))
            echo "FAILED   $name: no" $unexpected
        fi
        continue
    fi
    once "$name" alone
    once "$name" within "$anyclave" run -q --
    if agrees "$name" >"$scratch/why"; then
        passed=$((passed + 1))
        echo "ok       $name"
    else
        failed=$((failed + 1))
        echo "FAILED   $name"
        head -n 40 "$scratch/why" | sed 's/^/    /'
    fi
done

echo "everyday: $passed passed, $skipped skipped, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
