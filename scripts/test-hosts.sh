#!/usr/bin/env bash
# Installs what some tests ask of the machine: firewalls and clients for real traffic, independent readers of what is
# written, a browser. As far as that goes: a test whose programs are missing says so and passes.
#
#     scripts/test-hosts.sh          everything that is missing
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# command package
needed='
ip        iproute2
nft       nftables
iptables  iptables
tcpdump   tcpdump
ping      iputils-ping
ethtool   ethtool
tshark    tshark
yanglint  libyang-tools
tftp      tftp-hpa
in.tftpd  tftpd-hpa
curl      curl
openssl   openssl
coap-client-notls libcoap3-bin
upnpc     miniupnpc
minissdpd minissdpd
python3   python3
node      nodejs
chromium  chromium
soffice   libreoffice-calc-nogui
nfcapd    nfdump
tcptrace  tcptrace
argus     argus-server
ra        argus-client
java      default-jre-headless
'
tools=target/test-tools
export DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin:/sbin
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)

# Packages together, which is faster; one by one where one of them cannot be had.
install() {
    [ $# -gt 0 ] && command -v apt-get >/dev/null || return 0
    local apt=("${as_root[@]}" apt-get -q -y)
    "${apt[@]}" update >/dev/null 2>&1
    "${apt[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    local package
    for package in "$@"; do "${apt[@]}" install --no-install-recommends "$package" >/dev/null 2>&1; done
}

# What a package starts by itself would listen on the ports of this machine: none is started while this runs.
no_services() {
    [ -e /usr/sbin/policy-rc.d ] && return 0
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null 2>&1 || return 0
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
}
command -v apt-get >/dev/null && no_services

missing=()
while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || missing+=("$package")
done <<<"$needed"
install "${missing[@]}"

# Python's independent readers: of YANG (pyang brings the IETF's modules along), JSON Schema and workbooks.
modules=$tools/python/share/yang/modules/ietf
readers() { PYTHONPATH=$tools/python python3 -c 'import jsonschema, openpyxl' 2>/dev/null; }
if [ ! -f "$modules/ietf-mud.yang" ] || ! readers; then
    python3 -m pip --version >/dev/null 2>&1 || install python3-pip
    python3 -m pip install -q --disable-pip-version-check --upgrade --target "$tools/python" \
        pyang==2.7.1 jsonschema==4.26.0 openpyxl==3.1.5 >/dev/null 2>&1
fi
# BACpypes3, a BACnet stack, and atftpd, which Debian does not install beside tftpd-hpa.
if [ ! -x "$tools/bacpypes/bin/python3" ] || ! "$tools/bacpypes/bin/python3" -c 'import bacpypes3' 2>/dev/null; then
    python3 -m venv "$tools/bacpypes" >/dev/null 2>&1 || { install python3-venv && python3 -m venv "$tools/bacpypes" >/dev/null 2>&1; }
    "$tools/bacpypes/bin/python3" -m pip install -q --disable-pip-version-check bacpypes3==0.0.110 >/dev/null 2>&1
fi
if ! command -v atftpd >/dev/null && [ ! -x "$tools/atftpd/usr/sbin/atftpd" ] && command -v apt-get >/dev/null; then
    mkdir -p "$tools/atftpd" && (cd "$tools/atftpd" && apt-get -q download atftpd >/dev/null 2>&1 && dpkg -x atftpd_*.deb . && rm -f atftpd_*.deb)
fi
# Engines that read Parquet files: Spark (with Java), DuckDB, ClickHouse, Polars and DataFusion.
engines() { "$tools/engines/bin/python3" -c 'import chdb, datafusion, duckdb, polars, pyarrow, pyspark' 2>/dev/null; }
if ! engines; then
    python3 -m venv "$tools/engines" >/dev/null 2>&1 || { install python3-venv && python3 -m venv "$tools/engines" >/dev/null 2>&1; }
    "$tools/engines/bin/python3" -m pip install -q --disable-pip-version-check \
        duckdb==2.0.1 chdb==4.4.0 polars==2.1.0 datafusion==55.0.0 pyspark==4.3.0 pyarrow==26.0.1 >/dev/null 2>&1
fi
# axe-core, by which the report's accessibility is checked.
if [ ! -f "$tools/axe.min.js" ]; then
    command -v npm >/dev/null || install npm
    mkdir -p "$tools" && package=$(cd "$tools" && npm pack --silent axe-core@4.14.1 2>/dev/null | tail -n 1) &&
        tar -xzf "$tools/$package" -C "$tools" --strip-components=1 package/axe.min.js 2>/dev/null
fi

have=() lack=()
while read -r program package; do
    [ -n "$program" ] || continue
    if command -v "$program" >/dev/null; then have+=("$program"); else lack+=("$program ($package)"); fi
done <<<"$needed"
if [ -f "$modules/ietf-mud.yang" ]; then have+=("YANG modules"); else lack+=("YANG modules (pyang)"); fi
if readers; then have+=(jsonschema openpyxl); else lack+=("jsonschema and openpyxl (pip)"); fi
if [ -x "$tools/bacpypes/bin/python3" ]; then have+=(BACpypes3); else lack+=("BACpypes3 (PyPI)"); fi
if engines; then have+=("Parquet engines"); else lack+=("DuckDB, ClickHouse, Polars, DataFusion, Spark (PyPI)"); fi
if command -v atftpd >/dev/null || [ -x "$tools/atftpd/usr/sbin/atftpd" ]; then have+=(atftpd); else lack+=(atftpd); fi
if [ -f "$tools/axe.min.js" ]; then have+=(axe-core); else lack+=(axe-core); fi
printf 'for the tests: %s\n' "${have[*]}"
[ ${#lack[@]} = 0 ] || printf 'missing, their tests will be left out: %s\n' "${lack[@]}"
