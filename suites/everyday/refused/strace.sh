# A tracer of system calls.
# needs: strace
# word: gdb, strace and their like work only outside of one
strace -o /dev/null true
