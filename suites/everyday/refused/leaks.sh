# LeakSanitizer, which AddressSanitizer asks at the end of a program.
# needs: gcc
# word: ASAN_OPTIONS=detect_leaks=0
set -eu
echo 'int main(void) { return 0; }' >program.c
gcc -fsanitize=address program.c -o program
./program
