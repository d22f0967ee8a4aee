#!/bin/bash
# Builds Fortanix's sgx-detect from crates.io; the last line printed is the folder that holds it.
set -euo pipefail

suites=$(cd "$(dirname "$0")/.." && pwd)
version=0.10.0

"$suites/packages.sh" sgx-detect gcc libc6-dev libssl-dev protobuf-compiler pkg-config
"$suites/tool.sh" sgxs-tools "$version" sgx-detect
