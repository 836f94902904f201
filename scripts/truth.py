#!/usr/bin/env python3
"""Makes tests/corpus: variants of our own samples by editcap and mergecap, and what tshark reads of each file.

    scripts/truth.py        needs tshark, editcap and mergecap (Debian: apt install tshark wireshark-common)

The tests hold the program against these tables; nothing of them is made by the program.
"""
import csv
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CAPTURES, CORPUS = ROOT / "captures", ROOT / "tests/corpus"
# Name of a variant, its sample, and what makes it.
VARIANTS = [
    ("nanoseconds.pcap", ["editcap", "-F", "nsecpcap", "visit.pcap"]),
    ("interface.pcapng", ["editcap", "-F", "pcapng", "visit.pcap"]),
    ("cut-at-60.pcap", ["editcap", "-F", "pcap", "-s", "60", "visit.pcap"]),
    ("shifted.pcapng", ["editcap", "-F", "pcapng", "-t", "-3600.5", "real-coap.pcap"]),
    ("raw-ip.pcap", ["editcap", "-F", "pcap", "-C", "0:14", "-L", "-T", "rawip", "real-coap.pcap"]),
    ("merged.pcapng", ["mergecap", "-w", "OUT", "real-bacnet.pcap", "real-coap.pcap", "qinq.pcap"]),
    ("merged-ip.pcapng", ["mergecap", "-a", "-w", "OUT", "real-upnp.pcap", "real-tftp-hpa.pcap"]),
]
SAMPLES = ["erspan-mirror.pcap", "first-questions.pcapng", "one-way-mirror.pcap", "qinq.pcap", "real-bacnet.pcap",
           "real-blocked.pcap", "real-coap.pcap", "real-tftp-hpa.pcap", "real-upnp.pcap", "snapped.pcap",
           "tftp-without-request.pcap", "visit.pcap", "vxlan-mirror.pcap"]
OFF = ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
# A column of the truth, and the field of tshark that it is.
FIELDS = {
    "frame": "frame.number", "time_epoch": "frame.time_epoch", "frame_len": "frame.len", "cap_len": "frame.cap_len",
    "interface_id": "frame.interface_id", "encap": "frame.encap_type", "protocols": "frame.protocols",
    "ip_src": "ip.src", "ip_dst": "ip.dst", "ipv6_src": "ipv6.src", "ipv6_dst": "ipv6.dst",
    "ip_proto_all": "ip.proto", "ipv6_nxt_all": "ipv6.nxt", "tcp_sport": "tcp.srcport", "tcp_dport": "tcp.dstport",
    "udp_sport": "udp.srcport", "udp_dport": "udp.dstport", "service_tag": "ieee8021ad.id", "customer_tag": "vlan.id",
    "tcp_flags_all": "tcp.flags",
    "ip_id_all": "ip.id", "ip_frag_offset_all": "ip.frag_offset", "ip_mf_all": "ip.flags.mf",
    "ipv6_frag_offset_all": "ipv6.fraghdr.offset", "ipv6_frag_more_all": "ipv6.fraghdr.more",
    "icmp_type": "icmp.type", "icmp_code": "icmp.code", "icmpv6_type": "icmpv6.type", "icmpv6_code": "icmpv6.code",
    "tcp_stream": "tcp.stream", "udp_stream": "udp.stream",
}
KEPT = ["frame", "time_epoch", "frame_len", "cap_len", "interface_id", "encap", "protocols", "src_outer", "dst_outer",
        "src_inner", "dst_inner", "ip_layers", "ip_proto_all", "ipv6_nxt_all", "tcp_sport_last", "tcp_dport_last",
        "udp_sport_last", "udp_dport_last", "vlan_ids", "tcp_flags_all", "ip_id_all", "ip_frag_offset_all", "ip_mf_all",
        "ipv6_frag_offset_all", "ipv6_frag_more_all", "icmp_type", "icmp_code", "icmpv6_type", "icmpv6_code",
        "is_packet"]
TALK = ["proto", "addr_a", "port_a", "addr_b", "port_b", "packets_a_to_b", "bytes_a_to_b", "packets_b_to_a",
        "bytes_b_to_a"]


def run(words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more)


def packets(file):
    wanted = [word for field in FIELDS.values() for word in ("-e", field)]
    read = subprocess.run(["tshark", "-n", *OFF, "-r", file, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|",
                           *wanted], capture_output=True, text=True)
    rows = [dict(zip(FIELDS, line.split("\t"))) for line in read.stdout.splitlines()]
    for row in rows:
        # IP headers of both versions in the order in which they stand.
        names = [name for name in row["protocols"].split(":") if name in ("ip", "ipv6")]
        left = {key: row[key].split("|") for key in ("ip_src", "ip_dst", "ipv6_src", "ipv6_dst")}
        layers = [(left[name + "_src"].pop(0), left[name + "_dst"].pop(0)) for name in names]
        row["ip_layers"] = len(layers)
        row["src_outer"], row["dst_outer"] = layers[0] if layers else ("", "")
        row["src_inner"], row["dst_inner"] = layers[-1] if layers else ("", "")
        for port in ("tcp_sport", "tcp_dport", "udp_sport", "udp_dport"):
            row[port + "_last"] = row[port].split("|")[-1]
        # tshark has the outer tag of IEEE 802.1ad in a field of its own.
        row["vlan_ids"] = "|".join(tag for tag in (row["service_tag"], row["customer_tag"]) if tag)
        row["is_packet"] = 1
    return rows, read.returncode


def conversations(rows):
    """Each stream of each layer by its first packet's direction: packets and bytes on the wire, as `tshark -z conv` counts."""
    talks = {}
    for row in rows:
        left = {key: row[key].split("|") for key in ("ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "tcp_stream", "udp_stream",
                                                     "tcp_sport", "tcp_dport", "udp_sport", "udp_dport")}
        addresses = ("", "")
        for name in row["protocols"].split(":"):
            if name in ("icmp", "icmpv6"):
                break  # what it quotes was not sent here
            if name in ("ip", "ipv6"):
                addresses = [left[name + end].pop(0) for end in ("_src", "_dst")]
            if name in ("tcp", "udp") and left[name + "_stream"][0]:
                ends = list(zip(addresses, [left[name + end].pop(0) for end in ("_sport", "_dport")]))
                talk = talks.setdefault((name, left[name + "_stream"].pop(0)), [ends, [0, 0, 0, 0]])
                side = 0 if ends[0] == talk[0][0] else 2
                talk[1][side] += 1
                talk[1][side + 1] += int(row["frame_len"])
    for (proto, _), ((a, b), numbers) in talks.items():
        yield [proto, *a, *b, *numbers]


def write(path, head, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)


def main():
    CORPUS.mkdir(exist_ok=True)
    files = []
    for name, words in VARIANTS:
        out = str(CORPUS / name)
        words = [out if word == "OUT" else word for word in words]
        run(words if out in words else [*words, out], cwd=CAPTURES)
        files.append(name)
    files += ["../../captures/" + name for name in SAMPLES]
    manifest, status = [], []
    for file in sorted(files):
        name = file.rsplit("/")[-1]
        rows, code = packets(CORPUS / file)
        write(CORPUS / "truth" / (name + ".csv"), KEPT, ([row[key] for key in KEPT] for row in rows))
        write(CORPUS / "truth/conversations" / (name + ".csv"), TALK, conversations(rows))
        manifest.append([file, len(rows)])
        status.append([file, code])
    write(CORPUS / "MANIFEST.csv", ["file", "packets_tshark"], manifest)
    write(CORPUS / "truth/status.csv", ["file", "tshark_exit"], status)
    print(run(["tshark", "--version"]).stdout.splitlines()[0], file=sys.stderr)


main()
