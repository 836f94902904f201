#!/usr/bin/env python3
"""Every value of a survey's Parquet files, as five engines read them, against its CSV files.

    values.py FOLDER [ENGINE...]     FOLDER holds what `igorscope analyze -o FOLDER --format csv,parquet` wrote
"""

import csv
import datetime
import ipaddress
import sys

from engines import ENGINES

CSV = {"flows": "flows", "findings": "findings", "coverage": "coverage", "hosts": "inventory", "nodes": "nodes", "health": "health"}
KEYS = ["site_name", "survey_day", "inputs_digest", "survey_id"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def instant(value, beyond):
    """RFC 3339 with nanoseconds."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    micros = (value - EPOCH) // datetime.timedelta(microseconds=1)
    day = (EPOCH + datetime.timedelta(seconds=micros // 1_000_000)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{day}.{micros % 1_000_000:06}{beyond:03}Z"


def text(row, name):
    """A value as the CSV file has it."""
    value = row[name]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.datetime):
        return instant(value, row[f"{name}_ns"])
    if isinstance(value, (list, tuple)):
        return ("." if name == "vlan" else ";").join(str(one) for one in value)
    if isinstance(value, bytes):
        return value.decode()
    return str(value)


def port_column(row, second):
    direction = "in" if row["direction"] == "incoming" else "out"
    name = f"{direction}_{row['transport']}_{row['port']}"
    return name if row["document"] not in second else f"{row['document']}_{name}"


def compare(engine, folder):
    cells = 0
    for table, file in CSV.items():
        expected = list(csv.DictReader(open(f"{folder}/{file}.csv", newline="")))
        found = engine.query(f"SELECT * FROM {table}").to_pylist()
        assert len(found) == len(expected), f"{table}: {len(found)} rows, not {len(expected)}"
        names = [name for name in expected[0] if name in found[0]] if expected else []
        lacking = [name for name in (expected[0] if expected else []) if name not in names]
        assert all(name.startswith(("in_", "out_", "bacnet_")) for name in lacking), f"{table} lacks {lacking}"
        # Files are sorted otherwise: both sides by their cells.
        order = lambda rows, cell: sorted(([cell(row, name) for name in names], at) for at, row in enumerate(rows))
        double = lambda name: name.endswith("_s")
        same = lambda name, value: repr(float(value)) if double(name) and value else value
        left = order(found, lambda row, name: same(name, text(row, name)))
        right = order(expected, lambda row, name: same(name, row[name]))
        for (mine, at), (theirs, _) in zip(left, right):
            for name, one, other in zip(names, mine, theirs):
                assert one == other, f"{table}.{name}: {one!r}, not {other!r}"
                cells += 1
            row = found[at]
            for name in [name for name in row if name.endswith("_bytes") and name[: -len("_bytes")] in names]:
                of = row[name[: -len("_bytes")]]
                # Others count bytes.
                if of not in (None, "") and isinstance(row[name], (bytes, str)):
                    address = ipaddress.ip_address(of)
                    wide = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
                    packed = row[name] if isinstance(row[name], bytes) else row[name].encode("latin1")
                    assert packed == wide, f"{table}.{name} of {of}: {row[name]!r}"
                    cells += 1
            if table not in ("flows", "conversations"):
                continue
            assert str(row["survey_day"])[:10] == min(r["first_seen"] for r in expected if r["first_seen"])[:10]
    # The matrix, long instead of wide.
    wide = list(csv.DictReader(open(f"{folder}/nodes.csv", newline="")))
    fixed = next((at for at, name in enumerate(wide[0]) if name.startswith("in_")), 0) if wide else 0
    ports = [name for name in (list(wide[0])[fixed:] if wide else []) if "_tcp_" in name or "_udp_" in name]
    second = {name.split("_")[0] for name in ports if not name.startswith(("in_", "out_"))}
    expected = sorted((row["address"], name, row[name]) for row in wide for name in ports if row[name])
    rows = engine.query("SELECT * FROM node_ports").to_pylist()
    found = sorted((row["address"], port_column(row, second), row["state"]) for row in rows)
    assert found == expected, "node_ports are not the cells of nodes.csv"
    cells += len(found)
    # Everything carries its survey, and the survey counts its rows.
    (survey,) = engine.query("SELECT * FROM surveys").to_pylist()
    for table in list(CSV) + ["conversations", "finding_hosts", "node_ports", "inputs", "caveats"]:
        for row in engine.query(f"SELECT {', '.join(KEYS)} FROM {table}").to_pylist():
            assert [row[key] for key in KEYS] == [survey[key] for key in KEYS], f"keys of {table}"
    assert survey["flows"] == len(list(csv.DictReader(open(f"{folder}/flows.csv", newline=""))))
    return cells


def main():
    folder, *names = sys.argv[1:]
    for name in names or ENGINES:
        engine = ENGINES[name](folder)
        try:
            print(f"{name}: {compare(engine, folder)} values are those of the CSV files")
        finally:
            engine.close()


main()
