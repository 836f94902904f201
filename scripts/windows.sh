#!/usr/bin/env bash
# Builds for Windows on Debian, and runs what was built under Wine. What is missing is installed by apt and rustup.
#
#     scripts/windows.sh cargo ARGUMENTS    cargo for Windows: build, check, test
#     scripts/windows.sh wine PROGRAM ...   a program under Wine
#     scripts/windows.sh test               the tests of the library and of the command under Wine
#
# WINDOWS_WORK (default target/windows) is where Wine's folder and the import library lie.
set -euo pipefail
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
export LIBPCAP_LIBDIR=$work/lib LIBPCAP_VER=1.0.0
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

case ${1:-} in
    cargo) exec cargo "${@:2}" --target "$target" ;;
    wine) prepare_wine; exec "$wine" "${@:2}" ;;
    test)
        prepare_wine
        # Wine has only stubs of the two calls that filters are compiled by.
        exec cargo test --locked --target "$target" --lib --test main "${@:2}" -- --skip capture::filter::tests ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
esac
