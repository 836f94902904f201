"""Surveys of many sites on a Spark cluster: `igorscope observe` where the captures lie, then one `igorscope analyze` a site.

    spark-submit --master spark://HOST:7077 survey_fleet.py LIST LAKE [--states DIR] [--igorscope PROGRAM] [--parallel N]

LIST is a CSV file with the columns `site,capture` and, if there are any, `inventory`: a row a capture, paths as the workers
see them. The map turns each capture into a state (some hundredth of its size), the shuffle brings a site's states together by their
paths, the reduce judges them as a whole and writes Parquet files into LAKE. Each step replaces what it wrote before and
appears whole or not at all, so that a task may run twice and a worker may be lost.
"""

import argparse
import csv
import hashlib
import os
import subprocess

from pyspark.sql import SparkSession


def observe(task):
    """One capture to its state; what was done already stays."""
    site, capture, inventory, states, igorscope = task
    stat = os.stat(capture)
    name = hashlib.sha256(f"{capture} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:32]
    folder = os.path.join(states, hashlib.sha256(site.encode()).hexdigest()[:16])
    state = os.path.join(folder, f"{name}.igstate")
    os.makedirs(folder, exist_ok=True)
    status = 0
    if not os.path.exists(state):
        status = run([igorscope, "observe", "-q", "-j", "1", capture, "-o", state])
    return site, (state, inventory, status)


def analyze(group, lake, igorscope):
    """A site's states to its survey."""
    site, found = group
    found = sorted(set(found))
    states = [state for state, _, status in found if status in (0, 3)]
    inventory = next((inventory for _, inventory, _ in found if inventory), "")
    worst = max(status for _, _, status in found)
    if not states:
        return site, 0, worst
    command = [igorscope, "analyze", "-q", "-j", "1", "--format", "parquet", "-o", lake, "--site-name", site]
    command += ["--inventory", inventory] if inventory else []
    return site, len(states), max(worst, run(command + states))


def run(command):
    """Its exit status. What could not be used at all is told, and is no failure of the job."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode == 4:
        # A result could not be written: another try, maybe elsewhere, may.
        raise RuntimeError(ran.stderr)
    return ran.returncode


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("list")
    arguments.add_argument("lake")
    arguments.add_argument("--states", default="states")
    arguments.add_argument("--igorscope", default="igorscope")
    arguments.add_argument("--parallel", type=int, default=0)
    given = arguments.parse_args()
    with open(given.list, newline="", encoding="utf-8") as file:
        tasks = [
            (row["site"], row["capture"], row.get("inventory") or "", given.states, given.igorscope)
            for row in csv.DictReader(file)
        ]
    spark = SparkSession.builder.appName("igorscope fleet").getOrCreate()
    parts = given.parallel or max(1, len(tasks))
    lake, igorscope = given.lake, given.igorscope
    sites = len({task[0] for task in tasks})
    done = (
        spark.sparkContext.parallelize(tasks, parts)
        .map(observe)
        .groupByKey(max(1, sites))
        .map(lambda group: analyze(group, lake, igorscope))
        .collect()
    )
    for site, states, status in sorted(done):
        print(f"{site}: {states} captures, exit status {status}")
    spark.stop()


if __name__ == "__main__":
    main()
