"""A generated fleet: sites with two visits each, made of a sample survey, and analysed into one folder.

    fleet.py IGORSCOPE SAMPLES LAKE [SITES]
"""

import os
import struct
import subprocess
import sys
import tempfile

ENHANCED = 6
DAY = 86_400
# Of the sample survey: a node whose frames are left out of one visit, and its gateway.
NODE = bytes([10, 20, 0, 102])
OTHER = bytes([10, 20, 0, 103])
GATEWAY = bytes([10, 20, 0, 10])


def blocks(capture):
    at = 0
    while at + 12 <= len(capture):
        kind, length = struct.unpack_from("<II", capture, at)
        yield kind, capture[at : at + length]
        at += length


def shifted(block, days):
    """An enhanced packet block, days later; the samples' times are microseconds or nanoseconds."""
    high, low = struct.unpack_from("<II", block, 12)
    time = high << 32 | low
    second = 1_000_000_000 if time > 10**17 else 1_000_000
    time += days * DAY * second
    return block[:12] + struct.pack("<II", time >> 32, time & 0xFFFFFFFF) + block[20:]


def ipv4(block):
    """Addresses, protocol and ports of a frame with one VLAN tag or none."""
    frame = block[28 : 28 + struct.unpack_from("<I", block, 20)[0]]
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    if frame[at : at + 2] != b"\x08\x00":
        return None
    packet = frame[at + 2 :]
    header = (packet[0] & 15) * 4
    ports = struct.unpack_from(">HH", packet, header) if len(packet) >= header + 4 else (0, 0)
    return packet[12:16], packet[16:20], packet[9], ports


def visit(sample, days, without=(), answers_of=None):
    """The sample on another day, without some hosts, or without a port's answers."""
    out = bytearray()
    for kind, block in blocks(sample):
        if kind == ENHANCED:
            of = ipv4(block)
            frame = block[28:]
            if any(address in frame[:100] for address in without):
                continue
            if answers_of and of and of[2] == 6 and answers_of == of[3][0]:
                continue
            block = shifted(block, days)
        out += block
    return bytes(out)


def make(igorscope, samples, lake, sites=6):
    sample = open(f"{samples}/site-survey.pcapng", "rb").read()
    inventory = open(f"{samples}/site-survey.toml").read()
    real = open(f"{samples}/real-coap.pcap", "rb").read()
    with tempfile.TemporaryDirectory() as folder:
        for site in range(sites):
            name = f"Site {site:02}"
            own = f"{folder}/site.toml"
            text = inventory.replace("3.1.4", f"3.{1 + site % 3}.4")
            labels = "" if "customer" in inventory else f'customer = "Customer {site % 2}"\nbuilding = "Hall {site}"\n'
            with open(own, "w") as file:
                file.write(labels + text)
            first = visit(sample, 7 * site, without=(OTHER,) if site % 2 == 1 else ())
            second = visit(
                sample,
                7 * site + 3,
                without=(NODE,) if site % 2 == 0 else (),
                answers_of=88 if site % 3 == 0 else None,
            )
            if site == 4:
                second = second[: len(second) * 2 // 3]
            for number, capture in enumerate((first, second)):
                path = f"{folder}/visit-{number}.pcapng"
                with open(path, "wb") as file:
                    file.write(capture)
                analyze(igorscope, lake, name, path, "--inventory", own)
                # Judged again by other words: the newest counts, and neither counts twice.
                if site == 0:
                    analyze(igorscope, lake, name, path, "--inventory", own, "--bacnet", "10.20.0.77")
        path = f"{folder}/elsewhere.pcap"
        with open(path, "wb") as file:
            file.write(real)
        analyze(igorscope, lake, "Site nothing", path)


def analyze(igorscope, lake, name, *arguments):
    command = [igorscope, "analyze", "-q", "--format", "parquet", "-o", lake, "--site-name", name, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(made())})
    assert ran.returncode in (0, 3), ran.stderr


NOW = [1_800_000_000]


def made():
    """A clock that goes on."""
    NOW[0] += 60
    return NOW[0]


if __name__ == "__main__":
    make(*sys.argv[1:4], *(int(number) for number in sys.argv[4:5]))
