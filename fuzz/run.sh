#!/bin/sh
# Builds the fuzz targets with the pinned stable compiler and runs each for so many seconds (default 30):
#   fuzz/run.sh [SECONDS] [TARGET…]
# libFuzzer's coverage needs no nightly: the flags below are what cargo-fuzz would set, without the sanitisers.
set -eu
cd "$(dirname "$0")"
seconds=${1:-30}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- compact header jwk claims
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions"
export CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-$PWD/target}"
cargo build --quiet --release --target "$host"
for target in "$@"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "$target: $seconds s"
    "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
        -max_len=8192 -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
        "corpus/$target" "seeds/$target"
done
