# The self-checks of a cryptographic library: 600 points of P-256, digests, ciphers, signatures. It
# chooses its code by CPUID.
# needs: openssl cc
set -euo pipefail
cc -O2 -Wall -Wno-deprecated-declarations "$EVERYDAY_FILES/points.c" -o points -lcrypto
./points 600 >list
wc -l <list
cat list
openssl version
for digest in sha1 sha256 sha512 sha3-256 blake2b512; do
    openssl dgst -$digest list
done
for cipher in aes-256-cbc aes-256-ctr chacha20; do
    key=$(printf '%064d' 7)
    openssl enc -$cipher -K "$key" -iv "$(printf '%032d' 9)" -in list | openssl dgst -sha256
done
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl ec -in key.pem -pubout -out public.pem 2>/dev/null
openssl dgst -sha256 -sign key.pem -out signature list
openssl dgst -sha256 -verify public.pem -signature signature list
openssl genrsa -out rsa.pem 2048 2>/dev/null
openssl dgst -sha256 -sign rsa.pem -out signature list
openssl dgst -sha256 -prverify rsa.pem -signature signature list
openssl prime -generate -bits 256 >/dev/null
openssl speed -seconds 1 ecdsap256 >/dev/null 2>&1
