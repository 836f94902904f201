#!/usr/bin/env python3
"""A generated fleet loaded into ClickHouse by fleet/clickhouse, and compacted by fleet/compaction: the answers stay what they are.

    warehouse.py IGORSCOPE SAMPLES FLEET
"""

import glob
import os
import sys
import tempfile

import fleet
from engines import DuckDb
from questions import answers

BEST = ["not-seen", "one-way", "blocked", "carried"]


def statements(path):
    lines = [line for line in open(path).read().splitlines() if not line.lstrip().startswith("--")]
    return [one.strip() for one in "\n".join(lines).split(";") if one.strip()]


def clickhouse(lake, folder):
    from chdb import session

    chdb = session.Session()
    for statement in statements(f"{folder}/clickhouse/tables.sql"):
        chdb.query(statement)
    for statement in statements(f"{folder}/clickhouse/load.sql") * 2:
        chdb.query(statement.replace("LAKE", lake))
    rows = lambda sql: [line.split("\t") for line in str(chdb.query(sql, "TSV")).splitlines()]
    heat = rows(
        "SELECT site_name, document, direction, transport, port, max(best), max(devices_blocked) FROM heat_map "
        "WHERE (site_name, survey_day) IN (SELECT site_name, max(survey_day) FROM surveys FINAL GROUP BY site_name) "
        "GROUP BY site_name, document, direction, transport, port ORDER BY ALL"
    )
    counts = [rows(f"SELECT count() FROM {table} FINAL")[0][0] for table in ("surveys", "conversations", "coverage")]
    chdb.close()
    return [(*row[:4], int(row[4]), BEST[int(row[5])], int(row[6])) for row in heat], [int(count) for count in counts]


def main():
    igorscope, samples, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as root:
        lake = f"{root}/lake"
        fleet.make(igorscope, samples, lake)
        questions = {os.path.basename(path)[:-4]: open(path).read().rstrip().rstrip(";") for path in glob.glob(f"{folder}/*.sql")}
        engine = DuckDb(lake)
        told = answers(engine, questions)
        coverage = engine.query("SELECT COUNT(*) AS n FROM coverage").to_pylist()[0]["n"]
        heat, counts = clickhouse(lake, folder)
        assert sorted(heat) == sorted(told["heat_map"]), "the heat map in ClickHouse is another"
        # Loaded twice, each once; of a site judged twice the newest.
        surveys = engine.query("SELECT COUNT(*) AS n FROM (SELECT DISTINCT site_name, inputs_digest FROM surveys) AS s").to_pylist()
        assert counts[0] == surveys[0]["n"] and counts[2] == coverage, counts
        engine.close()
        import duckdb

        here = os.getcwd()
        os.chdir(lake)
        script = statements(os.path.join(here, folder, "compaction/duckdb.sql"))
        os.makedirs("../compacted")
        for statement in script:
            duckdb.sql(statement)
        os.chdir(here)
        files = len(glob.glob(f"{root}/compacted/flows/**/*.parquet", recursive=True))
        compacted = DuckDb(f"{root}/compacted")
        again = answers(compacted, questions)
        compacted.close()
        assert again == told, [name for name in told if again[name] != told[name]]
        print(f"ClickHouse has the heat map of {len(heat)} cells; {files} compacted files of flows answer as the others")


if __name__ == "__main__":
    main()
