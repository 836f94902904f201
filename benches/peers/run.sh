#!/usr/bin/env bash
# igorscope beside the field's own tools, on the same files: whole processes, page cache warm, all in turn, several
# rounds, medians and ratios as a table, and whether each target is met.
#
#     benches/peers/run.sh                      10 M packets (mtu: 2 M, small64: 20 M), 5 rounds
#     benches/peers/run.sh --scale 10           a tenth of that
#     benches/peers/run.sh --rounds 3 --folder /tmp/peers
#     benches/peers/run.sh --only 'igorscope|tcpdump' --mix lighting
#
# What is missing is installed from Debian's packages. The slow ones (tshark) get the first million packets only.
set -euo pipefail
cd "$(dirname "$0")/../.."

scale=1 rounds=5 folder=target/peers only=. mixes=(lighting mtu small64)
while [ $# -gt 0 ]; do
    case $1 in
        --scale) scale=$2 ;;
        --rounds) rounds=$2 ;;
        --folder) folder=$2 ;;
        --only) only=$2 ;;
        --mix) mixes=("$2") ;;
        *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift 2
done

# --- what is needed -------------------------------------------------------------------------------------------------
declare -A package=([tcpdump]=tcpdump [capinfos]=wireshark-common [tshark]=tshark [nfpcapd]=nfdump [softflowd]=softflowd
    [argus]=argus-server [ra]=argus-client [ndpiReader]=libndpi-bin [tcptrace]=tcptrace)
missing=()
for tool in "${!package[@]}"; do command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] || missing+=("${package[$tool]}"); done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=(); [ "$(id -u)" = 0 ] || as_root=(sudo)
    echo "Installing ${missing[*]}" >&2
    "${as_root[@]}" apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
fi
PATH=$PATH:/usr/sbin

cargo build -q --release --locked --bin igorscope --example generate
igorscope=$PWD/target/release/igorscope generate=$PWD/target/release/examples/generate
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
out=$folder/out

# --- the files ------------------------------------------------------------------------------------------------------
declare -A packets=([lighting]=$((10000000 / scale)) [mtu]=$((2000000 / scale)) [small64]=$((20000000 / scale)))
make_file() { # MIX PACKETS FORMAT FILE
    [ -s "$4" ] && [ "$(cat "$4.packets" 2>/dev/null)" = "$2" ] && return
    "$generate" load "$1" --packets "$2" --format "$3" -o "$4"
    echo "$2" >"$4.packets"
}
for mix in "${mixes[@]}"; do
    make_file "$mix" "${packets[$mix]}" pcap "$folder/$mix.pcap"
    make_file "$mix" "${packets[$mix]}" pcapng "$folder/$mix.pcapng"
    # In blocks, as xz makes them with several threads: a million packets, for xz is slow.
    if [ "$mix" = lighting ] && [[ "igorscope -j 2, xz" =~ $only ]]; then
        make_file "$mix" $((packets[$mix] < 1000000 ? packets[$mix] : 1000000)) pcap "$folder/$mix-1M.pcap"
        [ "$folder/$mix-1M.pcap.xz" -nt "$folder/$mix-1M.pcap" ] ||
            xz -1 -T 2 --block-size=16MiB -k -f -c "$folder/$mix-1M.pcap" >"$folder/$mix-1M.pcap.xz"
        cp "$folder/$mix-1M.pcap.packets" "$folder/$mix-1M.pcap.xz.packets"
    fi
    make_file "$mix" $((packets[$mix] < 1000000 ? packets[$mix] : 1000000)) pcap "$folder/$mix-1M.pcap"
done

# --- the programs: name | which file | what it computes | command (FILE and OUT are filled in) ------------------------
programs=(
    "igorscope -j 1|pcap|flows, evidence, verdicts, CSV|$igorscope analyze -q -j 1 --format csv -o OUT FILE"
    "igorscope -j 2|pcap|the same, two threads|$igorscope analyze -q -j 2 --format csv -o OUT FILE"
    "igorscope -j 1, pcapng|pcapng|the same, pcapng|$igorscope analyze -q -j 1 --format csv -o OUT FILE"
    "igorscope -j 2, all files|pcap|CSV, JSON, HTML and SHA-256, as without options|$igorscope analyze -q -j 2 -o OUT FILE"
    "igorscope -j 2, workbook|pcap|CSV and a workbook|$igorscope analyze -q -j 2 --format csv -o OUT --xlsx OUT/all.xlsx FILE"
    "igorscope -j 2, xz|xz|CSV of a file in blocks of xz|$igorscope analyze -q -j 2 --format csv -o OUT FILE"
    "xz -dc -T 2|xz|decompresses|xz -dc -T 2 FILE >/dev/null"
    "read and walk|pcap|nothing (the floor of one thread)|$generate walk FILE"
    "tcpdump --count|pcap|counts|tcpdump -r FILE --count"
    "tcpdump -w|pcap|copies|tcpdump -r FILE -w /dev/null"
    "capinfos -c|pcap|counts|capinfos -c FILE"
    "nfpcapd|pcap|flows|nfpcapd -r FILE -w OUT"
    "softflowd|pcap|flows|softflowd -d -m 4000000 -p OUT/pid -c OUT/ctl -r FILE"
    "argus, ra to CSV|pcap|flows, CSV|argus -r FILE -w OUT/argus && ra -n -c , -r OUT/argus >OUT/argus.csv"
    "tcptrace|pcap|TCP connections|tcptrace -n FILE"
    "ndpiReader|pcap|flows, payload|ndpiReader -q -i FILE"
    "tshark -z conv|1M|conversations|tshark -n -q -r FILE -z conv,tcp -z conv,udp"
)

# mix | program | the one it is held against | time at most, as a share of that one's | times that one takes, at least
targets=(
    "lighting|igorscope -j 1|tcpdump --count|1.0|"
    "lighting|igorscope -j 2|tcpdump --count|0.67|"
    "lighting|igorscope -j 2|capinfos -c|0.5|"
    "small64|igorscope -j 2|tcpdump --count|2.0|"
    "small64|igorscope -j 2|capinfos -c|0.5|"
    "lighting|igorscope -j 1|argus, ra to CSV||20"
    "lighting|igorscope -j 1|ndpiReader||25"
    "lighting|igorscope -j 1|nfpcapd||8"
    "lighting|igorscope -j 1|softflowd||8"
    "lighting|igorscope -j 1|tshark -z conv||100"
    "lighting|igorscope -j 2, all files|igorscope -j 2|1.5|"
    "lighting|igorscope -j 2, workbook|igorscope -j 2|3.0|"
    "lighting|igorscope -j 2, xz|xz -dc -T 2|1.1|"
)

# What a program said it counted, where it says so; empty where not.
counted() { # NAME
    case $1 in
        igorscope*)
            [ -s "$out/flows.csv" ] || return 0
            # Columns by name, counted from the end: cells before them may hold commas in quotes.
            awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) back[$i] = NF - i; next }
                { n += $(NF - back["client_packets"]) + $(NF - back["server_packets"]) } END { printf "%d", n }' "$out/flows.csv" ;;
        "read and walk" | "tcpdump --count") sed -n 's/^\([0-9]*\) packets\{0,1\}$/\1/p' "$out/log" | head -n 1 ;;
        "capinfos -c") sed -n 's/^Number of packets: *\([0-9]*\)$/\1/p' "$out/log" ;;
        ndpiReader) sed -n 's/.*IP packets: *\([0-9]*\).*/\1/p' "$out/log" | head -n 1 ;;
        *) ;;
    esac
}

# Runs a command once; prints its wall time in microseconds.
timed() { # COMMAND
    local start=$EPOCHREALTIME status=0
    bash -c "$1" >"$out/log" 2>&1 </dev/null || status=$?
    local end=$EPOCHREALTIME
    [ "$status" = 0 ] || { echo "failed ($status): $1" >&2; tail -n 5 "$out/log" >&2; return 1; }
    echo $(( (${end/./} - ${start/./}) ))
}

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : int((v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }

# The median of a program's times on a file, if it was timed.
median_of() { # MIX NAME
    for index in "${!programs[@]}"; do
        [ "${programs[$index]%%|*}" = "$2" ] || continue
        [ ! -s "$times-$1/$index" ] || median <"$times-$1/$index"
    done
}

# --- the runs -------------------------------------------------------------------------------------------------------
times=$folder/times
disagreements=0
for mix in "${mixes[@]}"; do
    rm -rf "$times-$mix" && mkdir -p "$times-$mix"
    for round in $(seq "$rounds"); do
        for index in "${!programs[@]}"; do
            IFS='|' read -r name kind _ command <<<"${programs[$index]}"
            [[ $name =~ $only ]] || continue
            case $kind in
                pcapng) file=$folder/$mix.pcapng ;;
                1M) file=$folder/$mix-1M.pcap ;;
                xz) file=$folder/$mix-1M.pcap.xz; [ "$mix" = lighting ] || continue ;;
                *) file=$folder/$mix.pcap ;;
            esac
            rm -rf "$out" && mkdir -p "$out"
            # The cache may be taken away between runs: read the file before each.
            cat "$file" >/dev/null
            command=${command//FILE/$file}
            if taken=$(timed "${command//OUT/$out}"); then
                echo "$taken" >>"$times-$mix/$index"
            else
                echo "$mix: $name could not be timed" >&2
                continue
            fi
            if [ "$round" = 1 ]; then
                count=$(counted "$name")
                expected=$(cat "$file.packets")
                if [ -n "$count" ] && [ "$count" != "$expected" ]; then
                    echo "$mix: $name counted $count packets of $expected" >&2
                    disagreements=$((disagreements + 1))
                fi
            fi
        done
    done
done

# --- the table ------------------------------------------------------------------------------------------------------
version() { "$@" 2>/dev/null | sed -n '1{s/ (Git.*//;p}'; }
{
    echo "Median wall time of $rounds rounds in seconds, and relative to \`igorscope -j 1\` on the same file"
    echo "(\`tshark\` reads the first million packets; its ratio is per packet)."
    echo
    printf '| program |'; printf ' %s |' "${mixes[@]}"; echo ' what it does |'
    printf '|---|'; for _ in "${mixes[@]}"; do printf -- '---|'; done; echo '---|'
    for index in "${!programs[@]}"; do
        IFS='|' read -r name kind what _ <<<"${programs[$index]}"
        [[ $name =~ $only ]] || continue
        printf '| %s |' "$name"
        for mix in "${mixes[@]}"; do
            if [ -s "$times-$mix/$index" ] && [ -s "$times-$mix/0" ]; then
                share=1
                [ "$kind" != 1M ] || share=$(awk -v a="$(cat "$folder/$mix.pcap.packets")" -v b="$(cat "$folder/$mix-1M.pcap.packets")" 'BEGIN { print a / b }')
                awk -v t="$(median <"$times-$mix/$index")" -v base="$(median <"$times-$mix/0")" -v share="$share" \
                    'BEGIN { printf " %.3f (%.2f) |", t / 1e6, t * share / base }'
            elif [ -s "$times-$mix/$index" ]; then
                awk -v t="$(median <"$times-$mix/$index")" 'BEGIN { printf " %.3f |", t / 1e6 }'
            else
                printf ' - |'
            fi
        done
        printf ' %s |\n' "$what"
    done
    echo
    echo '| target | file | measured | wanted | |'
    echo '|---|---|---|---|---|'
    for target in "${targets[@]}"; do
        IFS='|' read -r mix name other most least <<<"$target"
        a=$(median_of "$mix" "$name") b=$(median_of "$mix" "$other")
        [ -n "$a" ] && [ -n "$b" ] || continue
        # A million packets of tshark's are held against a million of igorscope's.
        share=1
        [ "$other" != "tshark -z conv" ] || share=$(awk -v a="$(cat "$folder/$mix.pcap.packets")" -v b="$(cat "$folder/$mix-1M.pcap.packets")" 'BEGIN { print a / b }')
        awk -v a="$a" -v b="$b" -v most="$most" -v least="$least" -v share="$share" -v name="$name" -v other="$other" -v mix="$mix" 'BEGIN {
            if (most != "") { ratio = a / b; met = ratio <= most; wanted = "at most " most; what = name " / " other }
            else { ratio = b * share / a; met = ratio >= least; wanted = "at least " least; what = other " / " name }
            printf "| `%s` | %s | %.2f | %s | %s |\n", what, mix, ratio, wanted, met ? "met" : "**not met**" }'
    done
    echo
    for mix in "${mixes[@]}"; do
        echo "- \`$mix\`: $(cat "$folder/$mix.pcap.packets") packets, $(stat -c %s "$folder/$mix.pcap") bytes"
    done
    echo "- $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
    echo "- $(version "$igorscope" --version); $(version tcpdump --version); $(version tshark --version); $(dpkg-query -W -f '${Package} ${Version}; ' nfdump softflowd argus-server argus-client libndpi-bin tcptrace 2>/dev/null)"
} | tee "$folder/peers.md"
[ "$disagreements" = 0 ] || { echo "$disagreements counts disagree" >&2; exit 1; }
