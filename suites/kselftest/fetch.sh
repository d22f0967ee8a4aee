#!/bin/bash
# Obtains Debian's kernel SGX selftests and builds them with their own Makefile.
#
# The sources are GPL and never enter this repository: they are unpacked from Debian's
# linux-source package into target/suites/kselftest. The last line printed is the folder that
# holds test_sgx and test_encl.elf.
#
# ANYCLAVE_LINUX_SOURCE  a linux-source tarball to use instead of the package's
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=${CARGO_TARGET_DIR:-$root/target}/suites/kselftest
version=6.12
tarball=${ANYCLAVE_LINUX_SOURCE:-/usr/src/linux-source-$version.tar.xz}

fail() {
    echo "kselftest: $*" >&2
    exit 1
}

# True when everything the Makefile needs is on this machine.
complete() {
    [ -r "$tarball" ] && [ -e /usr/include/openssl/pem.h ] &&
        command -v gcc make xz >/dev/null
}

install_packages() {
    local packages=(linux-source-$version libssl-dev gcc libc6-dev make xz-utils)
    command -v apt-get >/dev/null || fail "needs $tarball, OpenSSL's headers, gcc, make and xz"
    [ "$(id -u)" = 0 ] ||
        fail "not root; run once as root: apt-get update && apt-get install ${packages[*]}"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${packages[@]}" >&2 || fail "apt-get could not install ${packages[*]}"
}

# Only what the SGX selftests include or their Makefile reads.
unpack() {
    local new=$work.new.$$
    rm -rf "$new" && mkdir -p "$new"
    tar -xf "$tarball" -C "$new" --strip-components=1 --wildcards --no-wildcards-match-slash \
        '*/tools/testing/selftests/sgx' \
        '*/tools/testing/selftests/*.h' \
        '*/tools/testing/selftests/lib.mk' \
        '*/tools/testing/selftests/x86/check_cc.sh' \
        '*/tools/testing/selftests/x86/trivial_64bit_program.c' \
        '*/tools/include' \
        '*/tools/scripts' \
        '*/arch/x86/include' \
        '*/scripts/subarch.include' || fail "cannot unpack $tarball"
    rm -rf "$work" && mv "$new" "$work"
}

tests=$work/tools/testing/selftests/sgx
if [ ! -x "$tests/test_sgx" ] || [ ! -e "$tests/test_encl.elf" ]; then
    complete || install_packages
    complete || fail "the packages are installed but $tarball or a tool is still missing"
    unpack
    make -C "$tests" >&2 || fail "the selftests did not compile"
fi
echo "$tests"
