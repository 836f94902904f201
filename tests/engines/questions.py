#!/usr/bin/env python3
"""The questions of fleet/*.sql, asked of a generated fleet by five engines: all answer the same, and what was put there is found.

    questions.py IGORSCOPE SAMPLES QUESTIONS [ENGINE...]
"""

import datetime
import decimal
import glob
import os
import sys
import tempfile

import fleet
from engines import ENGINES


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def answers(engine, questions):
    told = {}
    for name, sql in questions.items():
        table = engine.query(sql)
        told[name] = [tuple(plain(value) for value in row.values()) for row in table.to_pylist()]
    return told


def check(told):
    """What was put into the fleet is in the answers."""
    silent = {(row[0], row[1]) for row in told["silent_nodes"]}
    assert {("Site 00", "10.20.0.102"), ("Site 02", "10.20.0.102")} <= silent, silent
    assert not any(site == "Site 01" for site, _ in silent), silent
    new = {(row[0], row[1]) for row in told["new_talkers"]}
    assert ("Site 01", "10.20.0.103") in new and not any(site == "Site 00" for site, _ in new), new
    assert any(row[0] == "Site 00" and row[4] == 88 for row in told["blocked_now"]), told["blocked_now"]
    assert any(row[3] == 88 for row in told["blocked_ports"]), told["blocked_ports"]
    assert "Site nothing" in {row[0] for row in told["proves_nothing"]}, told["proves_nothing"]
    assert "Site 04" in {row[0] for row in told["proves_nothing"]}, told["proves_nothing"]
    cells = [row for row in told["heat_map"] if row[0] == "Site 00"]
    assert len(cells) == 60, f"{len(cells)} cells of a site that was judged twice"
    assert {row[1] for row in told["versions_by_role"]} >= {"3.1.4", "3.2.4"}, told["versions_by_role"]
    assert all(row[4] >= 2 for row in told["undocumented_ports"]) and told["undocumented_ports"]
    assert {row[7] for row in told["tftp"]} == {"failed", "transferred"}, told["tftp"]
    assert told["internet"] and told["comparable"]
    worst = [row[0] for row in told["worst_sites"]]
    assert len(worst) == len(set(worst)), "each site once"
    assert {row[1] for row in told["worst_sites"]} >= {"Customer 0", "Customer 1"}, told["worst_sites"]


def main():
    igorscope, samples, folder, *names = sys.argv[1:]
    questions = {os.path.basename(path)[:-4]: open(path).read().rstrip().rstrip(";") for path in sorted(glob.glob(f"{folder}/*.sql"))}
    assert len(questions) >= 12, questions.keys()
    with tempfile.TemporaryDirectory() as lake:
        fleet.make(igorscope, samples, lake)
        first = None
        for name in names or ENGINES:
            engine = ENGINES[name](lake)
            try:
                told = answers(engine, questions)
            finally:
                engine.close()
            if first is None:
                check(told)
                first = name, told
            for question, rows in told.items():
                expected = first[1][question]
                assert rows == expected, f"{question}: {name} answers otherwise than {first[0]}:\n{rows[:5]}\n{expected[:5]}"
            print(f"{name}: {len(told)} questions, {sum(map(len, told.values()))} rows")


if __name__ == "__main__":
    main()
