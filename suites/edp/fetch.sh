#!/bin/bash
# Builds the enclave of this suite and the tools that load it. The last line printed is the folder that
# holds ftxsgx-runner, the enclaves and their signatures, and what run.sh puts before the loader.
#
# The target x86_64-fortanix-unknown-sgx needs a standard library built from source, and features of the
# compiler that stable releases keep locked. Debian's compiler comes with the sources, so it needs neither
# rustup nor a nightly toolchain; its packages lack only the libunwind of the target, in whose place stands
# an empty archive: the crate `unwinding` in the enclave does its work.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
foreign=${CARGO_TARGET_DIR:-$here/../../target}/foreign
version=0.6.4
target=x86_64-fortanix-unknown-sgx

"$here/../packages.sh" edp gcc libc6-dev binutils protobuf-compiler rustc-web rust-web-src cargo-web lld
mkdir -p "$foreign/edp/lib"
foreign=$(realpath "$foreign")
tools=$("$here/../tool.sh" fortanix-sgx-tools "$version" ftxsgx-elf2sgxs ftxsgx-runner)

[ -e "$foreign/edp/lib/libunwind.a" ] || ar rcs "$foreign/edp/lib/libunwind.a"
(
    cd "$here/enclave"
    # Another rustc may stand before Debian's in PATH; flags of the caller are for the caller's programs.
    unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        CARGO_TARGET_DIR=$foreign/edp/build CARGO_INCREMENTAL=0 \
        CARGO_TARGET_X86_64_FORTANIX_UNKNOWN_SGX_LINKER=/usr/bin/ld.lld \
        CARGO_ENCODED_RUSTFLAGS=-Lnative=$foreign/edp/lib \
        /usr/bin/cargo build --locked -Zbuild-std=std,panic_unwind --target "$target"
) >&2

folder=$foreign/edp/run
mkdir -p "$folder"
# enclave NAME OPTION...: the program with stacks and heap of its own, and so with its own measurement.
enclave() {
    "$tools/ftxsgx-elf2sgxs" "$foreign/edp/build/$target/debug/edp-cases" "${@:2}" --debug \
        --output "$folder/$1.sgxs" >&2
}
# Four threads run at once. A joined thread may not have left its TCS yet, so that there are more of these.
enclave cases --threads 16 --heap-size 0x800000 --stack-size 0x20000
enclave keys --heap-size 0x80000 --stack-size 0x10000
enclave other --heap-size 0x80000 --stack-size 0x11000
enclave third --heap-size 0x80000 --stack-size 0x12000
install "$tools/ftxsgx-runner" "$folder/ftxsgx-runner"
gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$folder/create.so" "$here/create.c"
(
    cd "$here/../.."
    cargo run --quiet --release --locked -p anyclave-sign --example signatures -- "$folder" \
        <suites/edp/signatures
) >&2
echo "$folder"
