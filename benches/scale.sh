#!/usr/bin/env bash
# How time and memory grow with packets, flows and files; what a pipe and compression cost; how long it takes to start.
# Whole processes, all CSV files written, medians of several rounds.
#
#     benches/scale.sh                        everything (some 15 minutes, 4 GB of disk)
#     benches/scale.sh --rounds 1 --only 'flows|files'
#     benches/scale.sh --folder /tmp/scale
#
# Needs GNU time, gzip, zstd and xz. IGORSCOPE and GENERATE name programs that were built elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=3 folder=target/scale only=.
while [ $# -gt 0 ]; do
    case $1 in
        --rounds) rounds=$2 ;;
        --only) only=$2 ;;
        --folder) folder=$2 ;;
        *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift 2
done
for tool in /usr/bin/time gzip zstd xz; do
    command -v "$tool" >/dev/null || { echo "$tool is missing; on Debian: sudo apt-get install time gzip zstd xz-utils" >&2; exit 2; }
done
[ -n "${IGORSCOPE-}" ] || cargo build -q --release --locked --bin igorscope --example generate
igorscope=${IGORSCOPE:-$PWD/target/release/igorscope} generate=${GENERATE:-$PWD/target/release/examples/generate}
mkdir -p "$folder"
cd "$folder"

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# measure NAME COMMAND: prints median seconds and peak megabytes (of the largest process).
measure() {
    local round
    : >seconds; : >kilobytes
    for ((round = 0; round < rounds; round++)); do
        # 1 says that there are findings.
        /usr/bin/time -o took -f '%e %M' bash -c "set -o pipefail; $2" >log 2>&1 || [ $? = 1 ] || { cat log >&2; return 1; }
        awk 'END { print $1 }' took >>seconds
        awk 'END { print $2 }' took >>kilobytes
    done
    seconds=$(median <seconds) megabytes=$(awk -v k="$(median <kilobytes)" 'BEGIN { printf "%.0f", k / 1024 }')
}
row() { printf '| %s | %s | %s | %s |\n' "$1" "$seconds" "$megabytes" "$2"; }
per_packet() { awk -v s="$seconds" -v n="$1" 'BEGIN { printf "%.0f ns a packet", s / n * 1e9 }'; }
analyze="$igorscope analyze -q --format csv -o out"
part() { [[ $1 =~ $only ]]; }

echo "| what | seconds | peak MB | |"; echo "|---|---|---|---|"
if part packets; then
    for packets in 5000 50000 500000 5000000 50000000; do
        measure packets "$generate load lighting --packets $packets -o - 2>/dev/null | $analyze -j 1 -"
        row "lighting, $packets packets ($((packets * 212 / 1000000)) MB), from the generator through a pipe, -j 1" "$(per_packet "$packets")"
    done
fi
if part flows; then
    for flows in 1000 10000 100000 1000000 10000000; do
        "$generate" load small64 --packets 20000000 --flows "$flows" -o flows.pcap 2>/dev/null
        for threads in 1 2; do
            cat flows.pcap >/dev/null
            measure flows "$analyze -j $threads flows.pcap"
            row "20 M packets of 64 bytes, $flows flows in random order, -j $threads" "$(per_packet 20000000)"
        done
    done
    rm -f flows.pcap
fi
if part files; then
    mkdir -p files
    for ((file = 1; file <= 10000; file++)); do
        [ -s "files/$file.pcap" ] || "$generate" load lighting --packets 200 --seed "$file" -o "files/$file.pcap" 2>/dev/null
    done
    for threads in 1 2; do
        measure files "$analyze -j $threads files"
        row "10,000 files of 200 packets, -j $threads" "$(per_packet 2000000)"
    done
fi
if part input; then
    [ -s input.pcap ] || "$generate" load lighting --packets 5000000 -o input.pcap 2>/dev/null
    [ -s input.pcapng ] || "$generate" load lighting --packets 5000000 --format pcapng -o input.pcapng 2>/dev/null
    [ -s input.pcap.gz ] || gzip -k input.pcap
    [ -s input.pcap.zst ] || zstd -q -k input.pcap
    [ -s input.pcap.xz ] || xz -k -T 0 -1 input.pcap
    cat input.* >/dev/null
    measure file "$analyze -j 1 input.pcap"; file=$seconds
    times() { awk -v s="$seconds" -v f="$1" 'BEGIN { printf "%.2f times %s", s / f, "'"$2"'" }'; }
    row "5 M packets of lighting, a file, -j 1" ""
    measure pcapng "$analyze -j 1 input.pcapng"; row "the same as pcapng, -j 1" "$(times "$file" "the pcap file")"
    measure pipe "cat input.pcap | $analyze -j 1 -"; row "the same through a pipe, -j 1" "$(times "$file" "the file")"
    for kind in gz:gzip zst:zstd xz:xz; do
        measure "${kind#*:}" "${kind#*:} -dc input.pcap.${kind%:*} >/dev/null"; alone=$seconds
        row "${kind#*:} -dc >/dev/null, for comparison" ""
        measure "$kind" "$analyze -j 2 input.pcap.${kind%:*}"; row "compressed by ${kind#*:}, -j 2" "$(times "$alone" "${kind#*:} alone")"
    done
fi
if part start; then
    measure start "for i in {1..100}; do $igorscope --version >/dev/null; done"
    row "igorscope --version, 100 times" "$(awk -v s="$seconds" 'BEGIN { printf "%.1f ms each", s * 10 }')"
    "$generate" load lighting --packets 100 -o small.pcap 2>/dev/null
    measure start "for i in {1..100}; do $analyze -j 1 small.pcap; done || true"
    row "analyze of 100 packets, 100 times" "$(awk -v s="$seconds" 'BEGIN { printf "%.1f ms each", s * 10 }')"
fi
