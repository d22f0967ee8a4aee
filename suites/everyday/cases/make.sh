# make with parallel jobs.
# needs: make cc
set -euo pipefail
cp "$EVERYDAY_FILES/threads.c" .
for i in 1 2 3 4 5 6 7 8; do echo "int part$i(void) { return $i; }" >part$i.c; done
cat >Makefile <<'MAKE'
parts = $(wildcard part*.c)
all: parts.a threads
parts.a: $(parts:.c=.o)
	ar rcD $@ $(sort $^)
%.o: %.c
	$(CC) -O2 -c $< -o $@
threads: threads.c
	$(CC) -O2 -pthread $< -o $@
.PHONY: all
MAKE
make -s -j4
sha256sum parts.a threads
make -s -j4 -q && echo "nothing to do"
! make -s -j4 none 2>/dev/null
