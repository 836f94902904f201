#!/usr/bin/env bash
# Builds for Windows on Debian, and runs what was built under Wine. What is missing is installed by apt and rustup.
#
#     scripts/windows.sh cargo ARGUMENTS    cargo for Windows: build, check, test
#     scripts/windows.sh wine PROGRAM ...   a program under Wine
#     scripts/windows.sh test               the tests of the library and of the command under Wine
#     scripts/windows.sh same CAPTURE ...   each capture gives the same files as on Linux (debug builds of both)
#     scripts/windows.sh desktop            a capture that is dropped on the program, and a double click
#     scripts/windows.sh live               a live survey under Wine on a veth pair in a network namespace (root)
#
# WINDOWS_WORK (default target/windows) is where Wine's folder and the import library lie.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=x86_64-pc-windows-gnu
work=${WINDOWS_WORK:-target/windows}
mkdir -p "$work"
work=$(cd "$work" && pwd)
wine=/usr/lib/wine/wine64

if ! [ -x "$wine" ] || ! command -v x86_64-w64-mingw32-gcc >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    "${as_root[@]}" apt-get update -q >/dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        gcc-mingw-w64-x86-64-win32 wine64 wine >/dev/null
fi
rustup target list --installed | grep -qx "$target" || rustup target add "$target"

# Npcap's DLL is loaded when it is first called: an import library that does so, made of the names that are called.
if ! [ "$work/lib/libwpcap.a" -nt packaging/windows/wpcap.def ]; then
    mkdir -p "$work/lib"
    x86_64-w64-mingw32-dlltool -d packaging/windows/wpcap.def -D wpcap.dll -y "$work/lib/libwpcap.a"
fi
windows_cargo() { LIBPCAP_LIBDIR=$work/lib LIBPCAP_VER=1.0.0 cargo "$@" --target "$target"; }
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$wine

export WINEPREFIX=$work/prefix WINEDEBUG=-all WINEDLLOVERRIDES='winedbg.exe=d;mscoree=d;mshtml=d'
system=$WINEPREFIX/drive_c/windows/system32
prepare_wine() {
    [ -f "$system/bcryptprimitives.dll" ] && return
    x86_64-w64-mingw32-gcc -O2 -shared -o "$work/bcryptprimitives.dll" packaging/windows/prng.c -ladvapi32
    "$wine" wineboot -i >/dev/null 2>&1
    cp "$work/bcryptprimitives.dll" "$system/"
}

program=target/$target/debug/igorscope.exe
# Both with the same limit: the default follows the memory that a system tells of.
analyze=(analyze -q --max-flows 65536 --format csv,json,ndjson,html)

# same CAPTURE...: every file of every capture, byte for byte; status 3 (damaged) must be the same, too.
same() {
    local capture here there status=0 count=0
    local out=$work/same
    for capture; do
        rm -rf "$out"; mkdir -p "$out"
        here=0; there=0
        TZ=UTC target/debug/igorscope "${analyze[@]}" -o "$out/linux" "$capture" >"$out/linux.out" 2>/dev/null </dev/null || here=$?
        TZ=UTC "$wine" "$program" "${analyze[@]}" -o "$out/windows" "$capture" >"$out/windows.out" 2>/dev/null </dev/null || there=$?
        if [ "$here" != "$there" ] || ! cmp -s "$out/linux.out" "$out/windows.out" ||
            { [ -d "$out/linux" ] && ! diff -rq "$out/linux" "$out/windows"; }; then
            echo "$capture: not the same (status $here on Linux, $there on Windows)"
            status=1
        fi
        count=$((count + 1))
    done
    echo "$count captures compared"
    return $status
}

# Started from the desktop, in a window of its own, as Explorer does it.
desktop() {
    local out=$work/desktop
    rm -rf "$out"; mkdir -p "$out"
    cp captures/site-survey.pcapng "$out/monday.pcapng"
    "$wine" start /wait /unix "$PWD/$program" "Z:${out//\//\\}\\monday.pcapng" </dev/null
    [ -s "$out/monday-igorscope/report.html" ]
    "$wine" start /wait /unix "$PWD/$program" </dev/null || [ $? = 2 ]
    echo "a capture dropped on the program became $out/monday-igorscope/report.html"
}

# A survey of two hosts in namespaces: what the program under Wine saw is what its own file says afterwards on Linux.
live() {
    local a=igor-wine-$$-a b=igor-wine-$$-b out=$work/live i
    trap "ip netns del $a; ip netns del $b; WINEPREFIX='$WINEPREFIX' wineserver -k || true" EXIT
    rm -rf "$out"; mkdir -p "$out"
    ip netns add $a; ip netns add $b
    ip link add veth0 netns $a type veth peer name veth0 netns $b
    ip -n $a address add 10.79.0.1/24 dev veth0; ip -n $a link set veth0 up
    ip -n $b address add 10.79.0.2/24 dev veth0; ip -n $b link set veth0 up
    # Wine's server lives where its first program was started.
    wineserver -k || true
    ip netns exec $a "$wine" "$program" interfaces | tee "$out/interfaces"
    grep -q '10\.79\.0\.1' "$out/interfaces"
    ip netns exec $a "$wine" "$program" live -i 10.79.0.1 --plain --duration 8 --gateway 10.79.0.1 --node 10.79.0.2 \
        -w "$out/live.pcapng" -o "$out/live" >"$out/said" 2>"$out/errors" &
    for i in $(seq 300); do grep -q 'capturing on' "$out/errors" && break; sleep 0.1; done
    for i in $(seq 40); do
        ip netns exec $b bash -c 'echo hello >/dev/udp/10.79.0.1/5683; echo hello >/dev/udp/10.79.0.1/9999' || true
    done
    wait $!
    cat "$out/errors"
    target/debug/igorscope analyze -q -o "$out/read" --gateway 10.79.0.1 --node 10.79.0.2 "$out/live.pcapng"
    for i in findings.csv coverage.csv inventory.csv nodes.csv; do cmp "$out/live/$i" "$out/read/$i"; done
    grep -q ',9999,' "$out/live/flows.csv"
    echo "live under Wine: $(tail -n +2 "$out/live/flows.csv" | wc -l) flows, the same as what was written down"
}

case ${1:-} in
    cargo) windows_cargo "${@:2}" ;;
    wine) prepare_wine; cd "$called_from"; exec "$wine" "${@:2}" ;;
    test)
        prepare_wine
        leave_out=(
            # Wine has only stubs of the calls that filters are compiled by.
            capture::filter::tests
            a_filter_is_asked_what_it_leaves_out
            command::a_filter_takes_what_matches_and_says_so
            never_reassured::a_filter_that_leaves_answers_out_makes_no_host_dead
            # It calls cargo and rustc, which are programs of the system that builds.
            licences::every_dependency_has_an_allowed_licence
        )
        # Wine has a wpcap.dll of its own; here Npcap is missing.
        export WINEDLLOVERRIDES="$WINEDLLOVERRIDES;wpcap=d"
        echo "Left out under Wine: ${leave_out[*]}"
        run_tests() {
            LIBPCAP_LIBDIR=$work/lib LIBPCAP_VER=1.0.0 cargo test --locked --target "$target" --no-fail-fast --lib --test main "$@"
        }
        run_tests "${@:2}" -- "${leave_out[@]/#/--skip=}" 2>&1 | tee "$work/tests.txt" && exit
        # Wine loses a program now and then when the machine is busy ("wine client error"), which says nothing about ours: what
        # failed must pass by itself, one test after the other.
        mapfile -t failed < <(sed -n 's/^    \([a-z0-9_]*\(::[a-z0-9_]*\)\+\)\r\?$/\1/p' "$work/tests.txt" | sort -u)
        echo "Failed the first time, tried once more: ${failed[*]:-all, the test program itself was lost}"
        wineserver -k || true
        if [ ${#failed[@]} = 0 ]; then run_tests -- --test-threads=1 "${leave_out[@]/#/--skip=}"; exit; fi
        run_tests -- --test-threads=1 --exact "${failed[@]}" 2>&1 | tee "$work/again.txt"
        [ "$(grep -c '^test .* ok' "$work/again.txt")" = ${#failed[@]} ] ;;
    same)
        prepare_wine
        cargo build --locked
        windows_cargo build --locked
        same "${@:2}" ;;
    desktop)
        prepare_wine
        windows_cargo build --locked
        desktop ;;
    live)
        prepare_wine
        cargo build --locked
        windows_cargo build --locked
        live ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
esac
