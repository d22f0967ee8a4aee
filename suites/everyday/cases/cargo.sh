# A small crate with a build script and a crate that it depends on: built, tested and run.
# needs: cargo cc
set -euo pipefail
cp -r "$EVERYDAY_FILES/crate/." .
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
cargo build --offline 2>&1 | sed -E 's/ in [0-9.]+m?s?( [0-9.]+s)?$//; s/\([^)]*\)$//' | sort
./target/debug/small
cargo test --offline -- --test-threads=1 2>/dev/null | sed -E 's/; finished in .*//'
cargo build --offline -q && echo unchanged
