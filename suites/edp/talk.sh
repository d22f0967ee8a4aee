#!/bin/bash
# Runs on a machine. Two enclaves in two processes report to each other; then others are shown the reports.
#
#   talk.sh FOLDER
set -uo pipefail

folder=$1
notes=$(mktemp -d) || exit 1
trap 'rm -rf "$notes"' EXIT

# run SIGNATURE STREAM WORD...
run() {
    "$folder/ftxsgx-runner" --signature "file=$folder/$1.sig" "$folder/$2.sgxs" "${@:3}"
}

coproc OTHER { run unprivileged-other other talk other 2>"$notes/other"; }
other=$OTHER_PID
run unprivileged keys talk one <&"${OTHER[0]}" >&"${OTHER[1]}" 2>"$notes/one"
echo "one: $?"
wait "$other"
echo "other: $?"
sed 's/^\([a-z]*: right\).*/\1/' "$notes/one" "$notes/other"

# reported WORD: the report that WORD was given
reported() {
    sed -n "s/^$1: right //p" "$notes/$1"
}
echo "the target in a third process: $(run unprivileged keys judge "$(reported one)")"
echo "the target with another signer: $(run unprivileged-signer keys judge "$(reported one)")"
echo "the reporter: $(run unprivileged-other other judge "$(reported one)")"
echo "the target, not for debugging: $(run unprivileged-production keys judge "$(reported one)")"
echo "a third enclave: $(run third third judge "$(reported one)")"
echo "a third enclave, the other report: $(run third third judge "$(reported other)")"
