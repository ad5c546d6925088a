#!/usr/bin/env bash
# Times `labkit test rules` and `promtool test rules` in turn on the same files, and prints how many times faster.
# Usage: benches/versus-promtool.sh [RUNS]. Needs a release build, promtool, hyperfine and the conformance data.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-20}
labkit=$PWD/target/release/labkit
folder=${LABKIT_CONFORMANCE:-../shared/conformance}/prometheus-2.42/promtool-bench
for tool in "$labkit" promtool hyperfine; do
    command -v "$tool" >/dev/null || { echo "$tool is missing"; exit 2; }
done
[ -d "$folder" ] || { echo "no $folder: set LABKIT_CONFORMANCE"; exit 2; }
cd "$folder"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for file in test_50.yml test_1000.yml; do
    hyperfine -N --style none --warmup 2 --runs "$runs" --export-csv "$out" \
        "$labkit test rules --dialect 2.42 $file" "promtool test rules $file" >/dev/null
    # Columns: command, mean, stddev, median, user, system, min, max.
    awk -F, -v file="$file" 'NR > 1 { median[NR] = $4; cpu[NR] = $5 + $6; least[NR] = $7 } END {
        printf "%s: labkit %.1f ms (least %.1f, CPU %.1f), promtool %.1f ms (least %.1f, CPU %.1f): %.0f times faster, %.0f by least, %.0f by CPU\n",
            file, 1e3 * median[2], 1e3 * least[2], 1e3 * cpu[2], 1e3 * median[3], 1e3 * least[3], 1e3 * cpu[3],
            median[3] / median[2], least[3] / least[2], cpu[3] / cpu[2] }' "$out"
done
