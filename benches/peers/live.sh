#!/usr/bin/env bash
# What igorscope live, tcpdump and dumpcap drop of the same load: a sender of our own in network namespaces of our own, for
# seconds, in all several times. Needs Linux, root, ip, tcpdump and dumpcap.
#
#     benches/peers/live.sh                       1 M packets of 300 bytes, at several rates
#     benches/peers/live.sh --packets 300000 --rounds 1
#     benches/peers/live.sh --buffer 1 --rates 0  a buffer of 1 MiB, as fast as it goes
set -euo pipefail
cd "$(dirname "$0")/../.."

packets=1000000 rounds=3 bytes=258 mebibytes=8 rates=(50000 100000 200000 400000 0)
while [ $# -gt 0 ]; do
    case $1 in
        --packets) packets=$2 ;;
        --rounds) rounds=$2 ;;
        --buffer) mebibytes=$2 ;;
        --rates) read -ra rates <<<"$2" ;;
        *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift 2
done
[ "$(id -u)" = 0 ] || { echo "Network namespaces need root: sudo $0" >&2; exit 2; }
for tool in ip tcpdump dumpcap; do command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; exit 2; }; done

cargo build -q --release --locked --bin igorscope --example flood
igorscope=$PWD/target/release/igorscope flood=$PWD/target/release/examples/flood
work=$(mktemp -d); chmod 755 "$work"
gateway=igor-flood-$$-g node=igor-flood-$$-n
cleanup() {
    [ -z "${capture-}" ] || kill "$capture" 2>/dev/null || true
    ip netns del "$gateway" 2>/dev/null || true
    ip netns del "$node" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
for space in "$gateway" "$node"; do
    ip netns add "$space"
    ip netns exec "$space" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
done
ip link add eth0 netns "$gateway" type veth peer name eth0 netns "$node"
ip -n "$gateway" address add 10.79.0.1/24 dev eth0
ip -n "$node" address add 10.79.0.2/24 dev eth0
for space in "$gateway" "$node"; do ip -n "$space" link set eth0 up; done
# Nobody has to ask for the address.
ip -n "$node" neighbour replace 10.79.0.1 lladdr "$(ip netns exec "$gateway" cat /sys/class/net/eth0/address)" dev eth0
counted() { ip netns exec "$gateway" sh -c 'cat /sys/class/net/eth0/statistics/rx_packets /sys/class/net/eth0/statistics/tx_packets' | paste -sd+ | bc; }

# name | command; the same buffer for all, and each writes the packets down where it can.
buffer=$((mebibytes << 20))
programs=(
    "igorscope live|$igorscope live -i eth0 --plain --buffer-size $buffer --gateway 10.79.0.1 --node 10.79.0.2"
    "igorscope live -w|$igorscope live -i eth0 --plain --buffer-size $buffer --gateway 10.79.0.1 --node 10.79.0.2 -w $work/igorscope.pcapng"
    "tcpdump -w|tcpdump -i eth0 -n -B $((buffer >> 10)) -w $work/tcpdump.pcap"
    "dumpcap -w|dumpcap -q -i eth0 -B $((buffer >> 20)) -w $work/dumpcap.pcapng"
)
ticks=$(getconf CLK_TCK)
# cpu PID: its CPU time so far, in seconds.
cpu() { awk -v t="$ticks" '{ sub(/.*\) /, ""); print ($12 + $13) / t }' "/proc/$1/stat"; }

printf '%-18s %12s %12s %12s %12s %10s %12s\n' program "packets/s" sent received dropped "dropped %" "CPU us/pkt"
for rate in "${rates[@]}"; do
    for ((round = 0; round < rounds; round++)); do
        for program in "${programs[@]}"; do
            name=${program%%|*}
            rm -f "$work"/*.pcap*
            # shellcheck disable=SC2086
            ip netns exec "$gateway" ${program#*|} >"$work/out" 2>&1 &
            capture=$!
            sleep 1.5
            before=$(counted)
            read -r _ speed < <(ip netns exec "$node" "$flood" 10.79.0.1:9 "$packets" "$bytes" "$rate")
            sleep 1
            sent=$(($(counted) - before))
            used=$(cpu "$capture")
            kill -INT "$capture"
            wait "$capture" || true
            capture=
            case $name in
                igorscope*)
                    received=$(sed -n 's/.* packets captured, \([0-9]*\) received.*/\1/p' "$work/out")
                    dropped=$(sed -n 's/.* received, \([0-9]*\) dropped by the kernel.*/\1/p' "$work/out") ;;
                tcpdump*)
                    received=$(sed -n 's/^\([0-9]*\) packets\{0,1\} received by filter.*/\1/p' "$work/out")
                    dropped=$(sed -n 's/^\([0-9]*\) packets\{0,1\} dropped by kernel.*/\1/p' "$work/out") ;;
                dumpcap*)
                    received=$(sed -n "s|^Packets received/dropped on interface.*: \([0-9]*\)/\([0-9]*\) .*|\1|p" "$work/out")
                    dropped=$(sed -n "s|^Packets received/dropped on interface.*: \([0-9]*\)/\([0-9]*\) .*|\2|p" "$work/out")
                    # dumpcap counts what it wrote; the others what reached the filter.
                    received=$((received + dropped)) ;;
            esac
            awk -v n="$name" -v s="$speed" -v t="$sent" -v r="${received:-0}" -v d="${dropped:-0}" -v u="$used" \
                'BEGIN { printf "%-18s %12d %12d %12d %12d %10.2f %12.3f\n", n, s, t, r, d, 100 * d / t, 1e6 * u / t }'
        done
    done
done
