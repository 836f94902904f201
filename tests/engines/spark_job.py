#!/usr/bin/env python3
"""fleet/spark/survey_fleet.py on a standalone master with two workers on loopback, one of which is killed in the middle: the lake is
that of a run without a cluster.

    spark_job.py IGORSCOPE SAMPLES FLEET
"""

import glob
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import fleet

SITES = 4


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.2)
    raise TimeoutError("it did not come")


def digest(lake):
    """Each file's bytes, but for surveys: those tell when they were judged."""
    files = sorted(path for path in glob.glob(f"{lake}/**/*.parquet", recursive=True))
    return {
        os.path.relpath(path, lake): "" if "/surveys/" in path else hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        for path in files
    }


def captures(samples, folder):
    sample = pathlib.Path(f"{samples}/site-survey.pcapng").read_bytes()
    inventory = os.path.abspath(f"{samples}/site-survey.toml")
    rows = ["site,capture,inventory"]
    for site in range(SITES):
        for day in range(3):
            path = f"{folder}/site-{site}-day-{day}.pcapng"
            pathlib.Path(path).write_bytes(fleet.visit(sample, 7 * site + day))
            rows.append(f"Site {site},{path},{inventory}")
    listed = f"{folder}/captures.csv"
    pathlib.Path(listed).write_text("\n".join(rows) + "\n")
    return listed, inventory


class Cluster:
    def __init__(self, folder):
        import pyspark

        self.home = os.path.dirname(pyspark.__file__)
        self.port = free_port()
        self.folder = folder
        self.processes = []
        self.start("Master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", "0")
        wait_for(lambda: "I have been elected leader" in self.log("Master"))
        for number in (1, 2):
            self.start(
                f"Worker{number}", "org.apache.spark.deploy.worker.Worker", self.url, "--host", "127.0.0.1", "--webui-port", "0",
                "--cores", "1", "--memory", "1g", "--work-dir", f"{folder}/work-{number}",
            )
        wait_for(lambda: self.log("Master").count("Registering worker") == 2)

    @property
    def url(self):
        return f"spark://127.0.0.1:{self.port}"

    def start(self, name, of, *arguments):
        log = open(f"{self.folder}/{name}.log", "w")
        environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": self.home, "PYSPARK_PYTHON": sys.executable}
        command = [f"{self.home}/bin/spark-class", of, *arguments]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True))

    def log(self, name):
        return pathlib.Path(f"{self.folder}/{name}.log").read_text(errors="replace")

    def kill_worker(self):
        """With its executor and whatever that runs."""
        os.killpg(self.processes[1].pid, signal.SIGKILL)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main():
    igorscope, samples, folder = (os.path.abspath(path) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as root:
        listed, inventory = captures(samples, root)
        # What is expected: each site by itself, on this machine.
        direct = f"{root}/direct"
        for site in range(SITES):
            inputs = [f"{root}/site-{site}-day-{day}.pcapng" for day in range(3)]
            states = []
            for at, path in enumerate(inputs):
                states.append(f"{root}/{site}-{at}.igstate")
                subprocess.run([igorscope, "observe", "-q", path, "-o", states[-1]], check=True)
            subprocess.run(
                [igorscope, "analyze", "-q", "--format", "parquet", "-o", direct, "--site-name", f"Site {site}", "--inventory", inventory, *states],
                check=True,
            )
        cluster = Cluster(root)
        try:
            lake, states = f"{root}/lake", f"{root}/states"
            environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
            # An executor's own work is slow enough to be killed in.
            slow = f"{root}/slow-igorscope"
            pathlib.Path(slow).write_text(f'#!/bin/sh\nsleep 1\nexec "{igorscope}" "$@"\n')
            os.chmod(slow, 0o755)
            job = subprocess.Popen(
                [
                    f"{cluster.home}/bin/spark-submit", "--master", cluster.url, "--conf", "spark.driver.host=127.0.0.1",
                    "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.ui.enabled=false", "--conf", "spark.executor.memory=512m",
                    "--conf", "spark.ui.showConsoleProgress=false", f"{folder}/spark/survey_fleet.py", listed, lake, "--states", states,
                    "--igorscope", slow,
                ],
                stdout=subprocess.PIPE, stderr=open(f"{root}/job.log", "w"), text=True, env=environment,
            )
            found = lambda: len(glob.glob(f"{states}/*/*.igstate"))
            wait_for(lambda: found() >= 3 or job.poll() is not None)
            before = found()
            cluster.kill_worker()
            said, _ = job.communicate(timeout=600)
            assert job.returncode == 0, f"{said}{pathlib.Path(f'{root}/job.log').read_text()[-3000:]}"
            assert before < 3 * SITES, "it was over before it was killed"
            assert said.count("exit status 0") == SITES, said
            assert digest(lake) == digest(direct), "the lake is another"
            print(f"a worker was killed after {before} of {3 * SITES} captures; {len(digest(lake))} files are those of a run without a cluster")
        finally:
            cluster.close()


if __name__ == "__main__":
    main()
