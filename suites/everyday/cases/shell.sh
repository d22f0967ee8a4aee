# Pipelines, job control, traps, here-documents, limits.
set -u
seq 1000 | grep 7 | sort -r | awk '{ s += $1 } END { print s }'
true | false | true
echo "${PIPESTATUS[*]}"
set -m
sleep 30 &
job=$!
kill -STOP %1
until [[ $(jobs) == *Stopped* ]]; do sleep 0.02; done
jobs
kill -CONT %1
# The shell may tell of the end before it is asked, and then knows no job of that number.
{
    kill %1
    wait "$job"
} 2>/dev/null
echo "job: $?"
(exit 7) &
wait $!
echo "job: $?"
set +m
trap 'echo usr1' USR1
kill -USR1 $BASHPID
trap 'echo bye' EXIT
cat <(echo one) <(echo two)
coproc cat
echo hello >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
exec {COPROC[1]}>&-
wait
(ulimit -f 1; trap '' XFSZ; head -c 100000 /dev/zero >big; echo "$?") 2>/dev/null
for i in $(seq 200); do /bin/true || echo failed; done
timeout 0.2 sleep 10
echo $?
echo 'data' | xargs -n1 -P4 echo
find /bin/ -maxdepth 1 -name 'l[s]'
{ sh -c 'kill -SEGV $$'; } 2>/dev/null
echo $?
