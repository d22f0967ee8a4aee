# C and C++: the same objects, exceptions, sanitizers.
# needs: gcc g++
set -euo pipefail
cp "$EVERYDAY_FILES/exceptions.cpp" "$EVERYDAY_FILES/threads.c" .
g++ -O2 -c exceptions.cpp -o exceptions.o
sha256sum exceptions.o
g++ -O2 exceptions.cpp -o exceptions -pthread
./exceptions
g++ -O1 -g -static exceptions.cpp -o static -pthread
./static
gcc -O1 -g -fsanitize=address,undefined -pthread threads.c -o asan
ASAN_OPTIONS=detect_leaks=0 ./asan
cat >overflow.c <<'C'
#include <stdlib.h>
int main(int argc, char **argv) { (void)argv; char *p = malloc(10); p[9 + argc] = 1; free(p); return 0; }
C
gcc -O1 -fsanitize=address overflow.c -o overflow
ASAN_OPTIONS=detect_leaks=0 ./overflow 2>&1 | grep -oE 'heap-buffer-overflow|WRITE of size 1' | sort -u || echo none
