# Two hundred threads at once.
# needs: cc
set -euo pipefail
cc -O2 -pthread "$EVERYDAY_FILES/threads.c" -o threads
for i in 1 2 3; do ./threads; done
