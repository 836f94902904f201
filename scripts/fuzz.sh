#!/usr/bin/env bash
# Runs fuzz targets with libFuzzer on the stable toolchain, each for so many seconds.
#
#     scripts/fuzz.sh              every target, 60 s each
#     scripts/fuzz.sh 5            every target, 5 s each
#     scripts/fuzz.sh 600 decode   one target, ten minutes
#
# A crash, a hang (over 1 s) or a memory blow-up ends it with a status other than 0; the input lies in fuzz/artifacts.
# With the nightly toolchain and cargo-fuzz, `cargo fuzz run TARGET` does the same with the address sanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
if [ $# -gt 1 ]; then targets=("${@:2}"); else
    targets=()
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

command -v "${CXX:-c++}" >/dev/null || { echo "libFuzzer needs a C++ compiler; on Debian: sudo apt-get install g++" >&2; exit 2; }

# What cargo-fuzz passes as well: coverage counters and traced comparisons, which need no nightly.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
cargo run -q --locked --example generate -- seeds
cd fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# The flags go to this target's code only, not to build scripts.
RUSTFLAGS=$coverage cargo build -q --release --bins --target "$host"

failed=()
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "== $target, $seconds s"
    log=$(mktemp)
    if "target/$host/release/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -timeout=2 -rss_limit_mb=1024 -max_len=20000 -print_final_stats=1 >"$log" 2>&1; then
        sed -n 's/^Done \([0-9]*\) runs.*/\1 runs, no crash, no hang/p' "$log"
    else
        failed+=("$target")
        tail -n 40 "$log"
    fi
    rm -f "$log"
done
[ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]} (inputs in fuzz/artifacts)" >&2; exit 1; }
