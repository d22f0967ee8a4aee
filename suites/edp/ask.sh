#!/bin/bash
# Runs on a machine. Asks for keys in enclaves that differ in one thing each, all of them in processes of their own;
# the answers go to a file for each.
#
#   ask.sh FOLDER ANSWERS NAME...   NAME is a column of keys.plain or keys.kss
set -uo pipefail

folder=$1 answers=$2
shift 2

for name in "$@"; do
    signature=$name stream=keys group=plain configid=0 configsvn=0
    case $name in
    kss*) group=kss configid=7 configsvn=3 ;;
    esac
    case $name in
    again | reboot | device) signature=plain ;;
    kss-again) signature=kss ;;
    kss-configid) signature=kss configid=8 ;;
    kss-configsvn) signature=kss configsvn=4 ;;
    measured | kss-measured) stream=other ;;
    esac
    provision=(EDP_PROVISION=1)
    [ "$name" != unprivileged ] || provision=()
    env "${provision[@]}" EDP_CONFIGID="$configid" EDP_CONFIGSVN="$configsvn" LD_PRELOAD="$folder/create.so" \
        "$folder/ftxsgx-runner" --signature "file=$folder/$signature.sig" "$folder/$stream.sgxs" ask "$group" \
        >"$answers/$name" || exit
done
