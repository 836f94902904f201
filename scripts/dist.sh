#!/usr/bin/env bash
# Makes the packages, and tries each in a place where nothing else is installed. What is missing is installed by apt, rustup
# and pip (Debian, or a relative of it). `make dist` calls it.
#
#     scripts/dist.sh                 everything, built twice and compared, then tried
#     scripts/dist.sh build FOLDER    the packages, into a folder
#     scripts/dist.sh try FOLDER      installs and runs each package of a folder
#
# DIST_TWICE=no builds once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$root/target/dist
mkdir -p "$work"
# Times in the packages are those of the last commit, so that they are the same whenever they are made.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
IGORSCOPE_COMMIT=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD 2>/dev/null || echo -changed)
export SOURCE_DATE_EPOCH IGORSCOPE_COMMIT LC_ALL=C TZ=UTC CARGO_TERM_COLOR=never
libpcap=1.10.3
libpcap_sha256=2a8885c403516cf7b0933ed4b14d6caa30e02052489ebd414dc75ac52e7559e6
zig_version=0.13.0
zig_sha256=3ce0c9f16547e5d61b32e0d226926e9a2552ef4b91fccf7ab5ea1a623a77824b
largest=$((15 * 1000 * 1000))

# --- What the build needs -------------------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# COMMAND PACKAGE pairs.
need() {
    local missing=()
    while [ $# -gt 0 ]; do command -v "$1" >/dev/null || missing+=("$2"); shift 2; done
    [ ${#missing[@]} = 0 ] && return
    as_root apt-get update -q >/dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
}

prepare() {
    need dpkg-deb dpkg makensis nsis python3 python3-minimal flex flex bison bison make make \
        qemu-aarch64-static qemu-user-static debootstrap debootstrap unzip unzip
    python3 -m venv --help >/dev/null 2>&1 || need no-such-command python3-venv
    for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
        rustup target list --installed | grep -qx "$target" || rustup target add "$target"
    done
    # A C compiler that has musl and the kernel's headers for both architectures.
    if [ ! -x "$work/zig/bin/python3" ] || ! "$work/zig/bin/python3" -m ziglang version 2>/dev/null | grep -qx "$zig_version"; then
        python3 -m venv "$work/zig"
        "$work/zig/bin/python3" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: \
            -r <(echo "ziglang==$zig_version --hash=sha256:$zig_sha256")
    fi
    for arch in x86_64 aarch64; do
        mkdir -p "$work/tools/$arch"
        for tool in cc ar ranlib; do
            local flags=
            # Others name the target in words that this compiler does not know.
            [ $tool = cc ] && flags="-target $arch-linux-musl"
            printf '%s\n' '#!/bin/bash' 'words=()' 'for word; do case $word in --target=* | -m64) ;; *) words+=("$word") ;; esac; done' \
                "exec $(printf %q "$work/zig/bin/python3") -m ziglang $tool $flags \"\${words[@]}\"" >"$work/tools/$arch/$tool"
            chmod +x "$work/tools/$arch/$tool"
        done
        libpcap "$arch"
    done
}

# libpcap from Debian's source package, static, with what a capture on Ethernet needs and nothing else.
libpcap() {
    local arch=$1 to=$work/libpcap-$libpcap/$1
    [ -f "$to/libpcap.a" ] && return
    local archive=$work/libpcap_$libpcap.orig.tar.gz
    if [ ! -f "$archive" ]; then
        local apt=$work/apt
        mkdir -p "$apt/lists/partial"
        echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main' >"$apt/sources.list"
        local options=(-q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists" -o APT::Sandbox::User=root)
        (cd "$work" && apt-get "${options[@]}" update >/dev/null && apt-get "${options[@]}" source --download-only libpcap >/dev/null)
    fi
    echo "$libpcap_sha256  $archive" | sha256sum --quiet -c
    rm -rf "$to"; mkdir -p "$to"
    tar -xzf "$archive" -C "$to" --strip-components=1
    (cd "$to" && CC=$work/tools/$arch/cc AR=$work/tools/$arch/ar RANLIB=$work/tools/$arch/ranlib CFLAGS='-O2 -g0' \
        ./configure --host="$arch-linux-musl" --with-pcap=linux --disable-shared --without-libnl --disable-usb --disable-netmap \
        --disable-bluetooth --disable-dbus --disable-rdma --without-dag --without-septel --without-snf --without-turbocap \
        && make libpcap.a) >"$work/libpcap-$arch.log" 2>&1
}

# --- The programs ---------------------------------------------------------------------------------------------------

# What a program says of the place where it was built is the same everywhere.
remap() { echo "--remap-path-prefix=$root=/igorscope --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/registry"; }

# static ARCH FOLDER: the static program for Linux.
static() {
    local arch=$1 folder=$2 target=$1-unknown-linux-musl name
    name=$(echo "$target" | tr a-z- A-Z_)
    env "CARGO_TARGET_${name}_LINKER=rust-lld" "CARGO_TARGET_${name}_RUSTFLAGS=$(remap) -C target-feature=+crt-static" \
        "CC_${target//-/_}=$work/tools/$arch/cc" "AR_${target//-/_}=$work/tools/$arch/ar" \
        LIBPCAP_LIBDIR="$work/libpcap-$libpcap/$arch" LIBPCAP_VER="$libpcap" \
        cargo build --locked --release --target "$target" --target-dir "$folder"
}

windows() {
    CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS="$(remap) -C link-arg=-Wl,--no-insert-timestamp" \
        scripts/windows.sh cargo build --locked --release --target-dir "$1"
}

# --- The packages ---------------------------------------------------------------------------------------------------

# tree ARCH PROGRAM FOLDER: what a Linux system gets.
tree() {
    local program=$2 to=$3
    install -Dm755 "$program" "$to/usr/bin/igorscope"
    install -Dm644 -t "$to/usr/share/doc/igorscope" README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE docs/live.md docs/probe.md \
        "$work/papers/third-party-licences.txt" "$work/papers/igorscope.cdx.json"
    install -Dm644 packaging/debian/copyright "$to/usr/share/doc/igorscope/copyright"
    install -Dm644 packaging/systemd/igorscope@.service "$to/usr/lib/systemd/system/igorscope@.service"
    install -Dm644 packaging/systemd/live.conf "$to/etc/igorscope/live.conf"
    install -Dm644 -t "$to/usr/share/man/man1" "$work"/papers/man/*
    install -Dm644 "$work/papers/igorscope.bash" "$to/usr/share/bash-completion/completions/igorscope"
    install -Dm644 "$work/papers/_igorscope" "$to/usr/share/zsh/vendor-completions/_igorscope"
    install -Dm644 "$work/papers/igorscope.fish" "$to/usr/share/fish/vendor_completions.d/igorscope.fish"
    find "$to" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# Man pages and completions are the same for every system; licences and SBOM cover all that is built.
papers() {
    local program=$1 shell name
    rm -rf "$work/papers"; mkdir -p "$work/papers/man"
    for shell in bash zsh fish; do
        case $shell in bash) name=igorscope.bash ;; zsh) name=_igorscope ;; fish) name=igorscope.fish ;; esac
        "$program" completions $shell >"$work/papers/$name"
    done
    # One page a command: each begins with .TH.
    "$program" man | awk -v folder="$work/papers/man" '
        /^\.ie/ { head = head $0 "\n"; next }
        /^\.el/ { head = head $0 "\n"; next }
        /^\.TH / { file = folder "/" $2 ".1"; printf "%s", head > file; head = "" }
        { print > file }'
    # `help COMMAND` says what the command's own page says.
    rm -f "$work"/papers/man/*-help*
    gzip -9n "$work"/papers/man/*
    python3 packaging/sbom.py --libpcap "$libpcap" "$work/libpcap-$libpcap/x86_64/LICENSE" --musl \
        "$("$work/zig/bin/python3" -c 'import ziglang, os; print(os.path.dirname(ziglang.__file__))')/lib/libc/musl/COPYRIGHT" \
        "$work/papers"
}

deb() {
    local arch=$1 name=$2 program=$3 out=$4 to
    to=$(mktemp -d "$work/deb.XXXXXX")
    tree "$arch" "$program" "$to"
    gzip -9n "$to/usr/share/doc/igorscope/CHANGELOG.md"
    mkdir "$to/DEBIAN"
    echo /etc/igorscope/live.conf >"$to/DEBIAN/conffiles"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$name/" -e "s/@SIZE@/$(du -sk --apparent-size "$to" | cut -f1)/" \
        packaging/debian/control >"$to/DEBIAN/control"
    install -m755 packaging/debian/postinst packaging/debian/prerm "$to/DEBIAN"
    (cd "$to" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    chmod -R u=rwX,go=rX "$to"
    find "$to" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$to" "$out/igorscope_${version}_$name.deb" >/dev/null
    rm -rf "$to"
}

tarball() {
    local arch=$1 program=$2 out=$3 name=igorscope-$version-linux-$1 to
    to=$(mktemp -d "$work/tar.XXXXXX")
    tree "$arch" "$program" "$to/$name"
    tar -C "$to" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode=u=rwX,go=rX -c "$name" |
        gzip -9n >"$out/$name.tar.gz"
    rm -rf "$to"
}

windows_packages() {
    local program=$1 out=$2 name=igorscope-$version-windows-x86_64 to
    to=$(mktemp -d "$work/zip.XXXXXX")
    mkdir "$to/$name"
    install -m755 "$program" "$to/$name/igorscope.exe"
    for file in README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE docs/windows.md packaging/windows/README.txt \
        "$work/papers/third-party-licences.txt"; do
        # Notepad of older systems wants both characters at the end of a line.
        sed 's/\r*$/\r/' "$file" >"$to/$name/$(basename "${file%LICENSE-*}")$(case $file in LICENSE-*) echo "$file.txt" ;; esac)"
    done
    sed 's/\r*$/\r/' packaging/windows/igorscope-console.cmd >"$to/$name/igorscope-console.cmd"
    cp "$work/papers/igorscope.cdx.json" "$to/$name/"
    find "$to" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    python3 packaging/zip.py "$to" "$SOURCE_DATE_EPOCH" "$out/$name.zip"
    makensis -V2 -NOCD -DVERSION="$version" -DFROM="$to/$name" -DOUT="$out/igorscope-$version-windows-setup.exe" packaging/windows/setup.nsi
    rm -rf "$to"
}

# build FOLDER [TARGET-DIR]
build() {
    local out=$1 folder=${2:-$work/target} program arch
    mkdir -p "$out"; rm -f "$out"/*
    for arch in x86_64 aarch64; do static $arch "$folder"; done
    windows "$folder"
    papers "$folder/x86_64-unknown-linux-musl/release/igorscope"
    for arch in x86_64:amd64 aarch64:arm64; do
        program=$folder/${arch%:*}-unknown-linux-musl/release/igorscope
        deb "${arch%:*}" "${arch#*:}" "$program" "$out"
        tarball "${arch%:*}" "$program" "$out"
    done
    windows_packages "$folder/x86_64-pc-windows-gnu/release/igorscope.exe" "$out"
    cp "$work/papers/igorscope.cdx.json" "$out/igorscope-$version.cdx.json"
    cp "$work/papers/third-party-licences.txt" "$out/igorscope-$version-third-party-licences.txt"
    (cd "$out" && sha256sum -- * >SHA256SUMS)
    local file
    for file in "$out"/*; do
        [ "$(stat -c %s "$file")" -le "$largest" ] || { echo "$file is larger than $largest bytes"; return 1; }
    done
}

# --- Each package where nothing else is installed ----------------------------------------------------------------------

# What every package must do: say what it is, and make the files of the sample survey, the same bytes as the others.
sample=captures/site-survey.pcapng
analyze=(analyze -q --format csv,json,html --max-flows 65536 --inventory site-survey.toml -o out site-survey.pcapng)

# tried NAME FOLDER STATUS: the results of the sample in a folder.
tried() {
    local name=$1 folder=$2 sum
    sum=$(cd "$folder" && sha256sum -- *.csv survey.json report.html | sha256sum | cut -c1-16)
    [ -n "${first_sum:-}" ] || first_sum=$sum
    [ "$sum" = "$first_sum" ] || { echo "$name: other results than the first package"; return 1; }
    echo "$name: installed and run, results $sum"
}

into() { mkdir -p "$1"; cp "$sample" captures/site-survey.toml "$1"; }

try_deb() {
    local out=$1 base=$work/debian-base.tar clean=$work/try-deb told
    if [ ! -f "$base" ]; then
        rm -rf "$work/debootstrap"
        as_root debootstrap --variant=minbase bookworm "$work/debootstrap" http://deb.debian.org/debian >"$work/debootstrap.log"
        as_root tar -C "$work/debootstrap" -cf "$base" .
        as_root rm -rf "$work/debootstrap"
    fi
    as_root rm -rf "$clean"; mkdir "$clean"
    as_root tar -C "$clean" -xf "$base"
    cp "$out/igorscope_${version}_amd64.deb" "$clean/tmp/igorscope.deb"
    as_root chroot "$clean" dpkg -i /tmp/igorscope.deb >/dev/null
    into "$clean/tmp"
    as_root chroot "$clean" sh -ec "cd /tmp; igorscope --version -v; igorscope ${analyze[*]}; igorscope interfaces >/dev/null"
    local file
    for file in usr/share/man/man1/igorscope-live.1.gz usr/share/bash-completion/completions/igorscope \
        usr/lib/systemd/system/igorscope@.service etc/igorscope/live.conf; do [ -s "$clean/$file" ]; done
    tried "the .deb for amd64, in a new Debian" "$clean/tmp/out"
    if command -v systemd-analyze >/dev/null; then
        # Its man page is in the clean root, where this machine's man does not look.
        sed "s#/usr/bin/igorscope#$clean/usr/bin/igorscope#; /^Documentation=/d" packaging/systemd/igorscope@.service \
            >"$work/igorscope@.service"
        told=$(systemd-analyze verify "$work/igorscope@eth1.service" 2>&1) && [ -z "$told" ] || { echo "the unit: $told" >&2; return 1; }
        echo "systemd has nothing against the unit"
    else
        echo "There is no systemd-analyze: the unit is not verified."
    fi
    as_root chroot "$clean" dpkg --purge igorscope >/dev/null
    [ ! -e "$clean/usr/bin/igorscope" ] && [ ! -e "$clean/etc/igorscope/live.conf" ]
    as_root rm -rf "$clean"
}

# A folder with nothing in it but the package.
try_static() {
    local out=$1 arch=$2 clean=$work/try-$2 runner=()
    as_root rm -rf "$clean"; into "$clean"
    tar -xzf "$out/igorscope-$version-linux-$arch.tar.gz" -C "$clean" --strip-components=1
    if [ "$arch" = "$(uname -m)" ]; then
        as_root chroot "$clean" /usr/bin/igorscope "${analyze[@]}"
        as_root chroot "$clean" /usr/bin/igorscope interfaces >/dev/null
        # Live, on a loopback interface of its own.
        as_root unshare --net bash -ec "ip link set lo up; chroot '$clean' /usr/bin/igorscope live -i lo --plain --duration 3 -q -o live &
            sleep 1; for i in 1 2 3; do echo x >/dev/udp/127.0.0.1/9; sleep 0.2; done; wait \$!"
        [ -s "$clean/live/survey.json" ]
        echo "the static program for $arch captured on an interface"
    else
        runner=("qemu-$arch-static")
        (cd "$clean" && "${runner[@]}" usr/bin/igorscope --version -v && "${runner[@]}" usr/bin/igorscope "${analyze[@]}")
    fi
    tried "the static program for $arch, in an empty folder" "$clean/out"
    as_root rm -rf "$clean"
}

try_deb_foreign() {
    local out=$1 clean=$work/try-arm64
    rm -rf "$clean"; into "$clean"
    dpkg-deb -x "$out/igorscope_${version}_arm64.deb" "$clean"
    (cd "$clean" && qemu-aarch64-static usr/bin/igorscope "${analyze[@]}")
    tried "the .deb for arm64, unpacked, under qemu-user" "$clean/out"
    rm -rf "$clean"
}

try_windows() {
    local out=$1 clean=$work/try-windows wine=$root/scripts/windows.sh folder
    export WINDOWS_WORK=$work/try-wine
    rm -rf "$clean" "$WINDOWS_WORK"; into "$clean"
    (cd "$clean" && unzip -q "$out/igorscope-$version-windows-x86_64.zip")
    (cd "$clean" && run_wine "$clean/igorscope-$version-windows-x86_64/igorscope.exe" --version -v &&
        run_wine "$clean/igorscope-$version-windows-x86_64/igorscope.exe" "${analyze[@]}")
    tried "the zip for Windows, under Wine" "$clean/out"
    rm -rf "$clean/out"
    run_wine "$out/igorscope-$version-windows-setup.exe" /S
    folder=$(echo "$WINDOWS_WORK"/prefix/drive_c/users/*/AppData/Local/Programs/igorscope)
    (cd "$clean" && run_wine "$folder/igorscope.exe" "${analyze[@]}")
    tried "the setup program, under Wine" "$clean/out"
    run_wine "$folder/uninstall.exe" /S
    for _ in $(seq 50); do [ -e "$folder/igorscope.exe" ] || break; sleep 0.2; done
    [ ! -e "$folder/igorscope.exe" ]
    rm -rf "$clean" "$WINDOWS_WORK"
}

# In UTC and in the current folder, whatever the script does.
run_wine() { "$root/scripts/windows.sh" wine "$@" </dev/null; }

try() {
    local out
    out=$(cd "$1" && pwd)
    (cd "$out" && sha256sum --quiet -c SHA256SUMS)
    try_static "$out" x86_64
    try_static "$out" aarch64
    try_deb "$out"
    try_deb_foreign "$out"
    try_windows "$out"
    echo "all packages were installed, run and removed"
}

case ${1:-all} in
    build) prepare; build "$(mkdir -p "$2" && cd "$2" && pwd)" ;;
    try) try "$2" ;;
    all)
        prepare
        build "$work/packages"
        if [ "${DIST_TWICE:-yes}" = yes ]; then
            # From nothing, elsewhere: what differs is told, file by file.
            rm -rf "$work/target-again"
            build "$work/packages-again" "$work/target-again"
            diff -r "$work/packages" "$work/packages-again" && echo "built twice: the same bytes"
            rm -rf "$work/target-again" "$work/packages-again"
        fi
        try "$work/packages"
        (cd "$work/packages" && ls -l) ;;
    *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2 ;;
esac
