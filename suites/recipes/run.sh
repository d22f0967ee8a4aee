#!/bin/bash
# Runs the blocks of docs/recipes.md that are marked `sh test`, each as it stands, in an empty folder.
#
#   run.sh [ANYCLAVE] [DOCUMENT]
#
# ANYCLAVE_CASE_TIMEOUT   seconds for one block (120)
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
anyclave=${1:-${CARGO_TARGET_DIR:-$here/../../target}/release/anyclave}
document=${2:-$here/../../docs/recipes.md}
seconds=${ANYCLAVE_CASE_TIMEOUT:-120}

fail() {
    echo "recipes: $*" >&2
    echo "0 passed, 1 failed"
    exit 1
}

[ -x "$anyclave" ] || fail "no program $anyclave; cargo build --release makes it"
[ -r "$document" ] || fail "no document $document"

scratch=$(mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$(realpath "$anyclave")" "$scratch/bin/anyclave"
export PATH=$scratch/bin:$PATH
# What belongs to whoever runs this is not the recipes'.
unset CARGO_TARGET_DIR RUSTFLAGS ANYCLAVE_STATE MAKEFLAGS

# One file for each block, named by its number; its first line names the heading that it stands below.
awk -v folder="$scratch" '
    /^#/ && !inside { heading = $0; sub(/^#+ */, "", heading) }
    /^```/ && inside { inside = 0; next }
    /^```sh test$/ { inside = 1; file = sprintf("%s/%02d.sh", folder, ++number); print "# " heading >file; next }
    /^```/ { inside = 2; file = "/dev/null"; next }
    inside { print >file }
' "$document"

passed=0 failed=0
for block in "$scratch"/*.sh; do
    [ -e "$block" ] || fail "no block of $document is to be tried"
    name=$(head -n 1 "$block" | sed 's/^# //')
    folder=${block%.sh}
    mkdir "$folder"
    if (cd "$folder" && timeout -k 5 "$seconds" bash -euo pipefail "$block") >"$folder.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        echo "ok       $name"
    else
        failed=$((failed + 1))
        echo "FAILED   $name"
        cat "$block" "$folder.log" | sed 's/^/    /'
    fi
done

echo "recipes: $passed passed, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
