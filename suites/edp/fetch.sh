#!/bin/bash
# Builds the enclave of this suite and the tools that load it. The last line printed is the folder that
# holds ftxsgx-runner and cases.sgxs.
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
# Four threads run at once. A joined thread may not have left its TCS yet, so that there are more of these.
"$tools/ftxsgx-elf2sgxs" "$foreign/edp/build/$target/debug/edp-cases" \
    --threads 16 --heap-size 0x800000 --stack-size 0x20000 --debug --output "$folder/cases.sgxs" >&2
install "$tools/ftxsgx-runner" "$folder/ftxsgx-runner"
echo "$folder"
