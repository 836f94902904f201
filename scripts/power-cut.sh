#!/usr/bin/env bash
# A sensor's day on another processor: an aarch64 machine with Debian's kernel, emulated, in which `live --probe` runs as
# docs/probe.md says while a capture is played. Midnight passes, the power is cut 15 s later, it starts again, and what is on the
# disk is read: nothing that a day had finished may be lost.
#
#     scripts/power-cut.sh PROGRAM    a static igorscope for aarch64 (scripts/dist.sh makes one)
#
# Needs qemu-system-aarch64, aarch64-linux-gnu-gcc, mkfs.ext4, debugfs, cpio and tshark (Debian: qemu-system-arm
# gcc-aarch64-linux-gnu libc6-dev-arm64-cross e2fsprogs cpio tshark), and some 3 minutes.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reader=$PWD/target/release/igorscope
cargo build --locked --release --quiet
cargo run --locked --release --quiet --example generate -- load lighting --packets 60000 -o target/power-cut.pcap
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
played=$PWD/target/power-cut.pcap
cd "$work"

# The machine's kernel and tools, from Debian's packages for it.
mkdir -p lists/partial root/{bin,dev,proc,sys,tmp,srv,modules}
echo 'deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main' >sources.list
apt=(-q -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$work/lists"
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update >/dev/null
kernel=$(apt-cache "${apt[@]}" depends linux-image-arm64 | sed -n 's/.*Depends: //p' | head -n 1)
apt-get "${apt[@]}" download "$kernel" busybox-static >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" x; done
cp x/bin/busybox root/bin/
cp "$program" root/bin/igorscope
cp "$played" root/day.pcap
modules='libcrc32c crc16 crc32c_generic mbcache jbd2 ext4 virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk dummy'
for module in $modules; do find x/lib/modules -name "$module.ko" -exec cp {} root/modules/ \;; done

# play INTERFACE FILE: the packets of a capture, 1,500 a second.
cat >play.c <<'C'
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int to = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    at.sll_ifindex = if_nametoindex(argv[1]);
    FILE *from = fopen(argv[2], "rb");
    static uint8_t packet[70000];
    uint32_t head[4];
    long sent = 0;
    if (argc < 3 || bind(to, (void *)&at, sizeof at) || !from || fread(packet, 1, 24, from) != 24) return 1;
    while (fread(head, 4, 4, from) == 4 && head[2] <= sizeof packet && fread(packet, 1, head[2], from) == head[2]) {
        sent += send(to, packet, head[2], 0) >= 0;
        usleep(600);
    }
    printf("%ld\n", sent);
    return 0;
}
C
aarch64-linux-gnu-gcc -O2 -static -o root/bin/play play.c

cat >root/init <<'SH'
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in MODULES; do insmod /modules/$module.ko 2>/dev/null; done
sleep 1
mount -t ext4 /dev/vda /srv && echo start >>/srv/starts
ip link set lo up; ip link add eth1 type dummy; ip link set eth1 up
first=no; [ "$(wc -l </srv/starts)" = 1 ] && first=yes
[ $first = yes ] && date -s '2026-11-30 23:58:25' || date -s '2026-12-01 08:00:00'
(while :; do igorscope live -i eth1 --probe /srv/igor --keep 300M --interval 5s; sleep 1; done) >/tmp/health 2>&1 &
sleep 6
play eth1 /day.pcap >>/srv/played; sync /srv/played
if [ $first = yes ]; then
    while [ "$(date +%H)" = 23 ]; do sleep 1; done
    play eth1 /day.pcap >/dev/null &
    sleep 15; echo CUT; sleep 1000
fi
sleep 65; echo DONE; poweroff -f
SH
sed -i "s/MODULES/$modules/" root/init
chmod +x root/init
(cd root && find . | cpio -o -H newc 2>/dev/null | gzip -1) >initrd.gz
truncate -s 512M disk
mkfs.ext4 -q disk

# start WORD: until the machine says it, then its power is cut.
start() {
    qemu-system-aarch64 -M virt -cpu cortex-a72 -m 768 -smp 2 -nographic -no-reboot -kernel x/boot/vmlinuz-* -initrd initrd.gz \
        -append 'console=ttyAMA0 panic=-1 quiet' -drive file=disk,format=raw,if=none,id=d,cache=writethrough \
        -device virtio-blk-pci,drive=d >console 2>&1 &
    local machine=$! tries=0
    until grep -aq "^$1" console; do
        sleep 1
        tries=$((tries + 1))
        [ $tries -lt 400 ] || { tail -n 20 console; echo "the machine did not come to $1"; exit 1; }
    done
    # It may have switched itself off.
    kill -9 $machine 2>/dev/null || true
    wait $machine 2>/dev/null || true
}
start CUT
start DONE
mkdir found
debugfs -R "rdump / found" disk >/dev/null 2>&1
mapfile -t runs < <(ls -d found/igor/*)
[ ${#runs[@]} = 3 ] || { echo "three runs were to be found: ${runs[*]}"; exit 1; }
day=${runs[0]} cut=${runs[1]} next=${runs[2]}
for file in "$day"/*.csv "$day"/survey.json "$day"/report.html "$next"/survey.json; do [ -s "$file" ] || { echo "$file is empty"; exit 1; }; done
frames() { for file in "$1"/packets_*; do tshark -r "$file" -T fields -e frame.number 2>/dev/null; done | wc -l; }
mapfile -t sent <found/played
first=${sent[0]} second=${sent[1]}
[ "$(frames "$day")" -ge "$first" ] || { echo "of $first packets of the day $(frames "$day") are left"; exit 1; }
[ "$(frames "$next")" -ge "$second" ] || { echo "of $second packets after the start $(frames "$next") are left"; exit 1; }
"$reader" analyze -q --format csv -o day "$day"/packets_*
echo "the day is whole ($(frames "$day") packets, $first played), the run that was cut has $(frames "$cut"), the one after it $(frames "$next")"
