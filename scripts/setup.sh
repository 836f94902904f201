#!/usr/bin/env bash
# Installs what the build needs from the system: a C compiler and libpcap's headers. Where it may not, it says what to type.
set -euo pipefail

have_libpcap() {
    printf '#include <pcap/pcap.h>\nint main(void){return pcap_lib_version()==0;}\n' |
        "${CC:-cc}" -x c - -lpcap -o /dev/null 2>/dev/null
}

command -v cargo >/dev/null || { echo "igorscope needs Rust: install it from https://rustup.rs, then run this again." >&2; exit 2; }
have_libpcap && exit 0

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
if command -v apt-get >/dev/null; then install=(apt-get install -y --no-install-recommends gcc libc6-dev libpcap-dev); refresh=(apt-get update -q)
elif command -v dnf >/dev/null; then install=(dnf install -y gcc libpcap-devel)
elif command -v zypper >/dev/null; then install=(zypper --non-interactive install gcc libpcap-devel)
elif command -v pacman >/dev/null; then install=(pacman -S --noconfirm --needed gcc libpcap)
elif command -v apk >/dev/null; then install=(apk add gcc musl-dev libpcap-dev)
elif [ "$(uname)" = Darwin ]; then echo "libpcap's headers come with the command line tools; type: xcode-select --install" >&2; exit 2
else echo "Install libpcap and its headers with your package manager, or build without live capture: cargo build --no-default-features" >&2; exit 2
fi

if [ ${#as_root[@]} -gt 0 ] && ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; } && [ ! -t 0 ]; then
    echo "libpcap's headers are missing; type: sudo ${install[*]}" >&2
    exit 2
fi
echo "Installing libpcap's headers: ${as_root[*]} ${install[*]}" >&2
[ -z "${refresh+x}" ] || "${as_root[@]}" "${refresh[@]}" >&2 || true
"${as_root[@]}" "${install[@]}" >&2 || { echo "That failed; type it yourself: sudo ${install[*]}" >&2; exit 2; }
have_libpcap || { echo "libpcap's headers are still not found by ${CC:-cc}." >&2; exit 2; }
