"""Engines that read Parquet and answer SQL, each by the same two calls: query(sql) and close()."""

import glob
import os

TABLES = "surveys inputs flows conversations findings finding_hosts coverage nodes node_ports hosts caveats".split()


def views(lake):
    """The tables that are there, with the pattern of their files."""
    return [(table, f"{lake}/{table}") for table in TABLES if os.path.isdir(f"{lake}/{table}")]


class DuckDb:
    def __init__(self, lake):
        import duckdb

        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        for table, folder in views(lake):
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/**/*.parquet', "
                "hive_partitioning = true, union_by_name = true)"
            )

    def query(self, sql):
        return self.connection.sql(sql).to_arrow_table()

    def close(self):
        self.connection.close()


class ClickHouse:
    def __init__(self, lake):
        from chdb import session

        self.session = session.Session()
        for table, folder in views(lake):
            self.session.query(
                f"CREATE VIEW {table} AS SELECT * FROM file('{folder}/**/*.parquet', Parquet)"
            )

    def query(self, sql):
        import pyarrow as pa

        settings = (
            "SETTINGS join_use_nulls = 1, union_default_mode = 'DISTINCT', output_format_arrow_string_as_string = 1, "
            "output_format_arrow_compression_method = 'none'"
        )
        result = self.session.query(f"{sql} {settings}", "ArrowStream")
        return pa.ipc.open_stream(result.bytes()).read_all()

    def close(self):
        self.session.close()


class Polars:
    def __init__(self, lake):
        import polars

        self.context = polars.SQLContext()
        for table, folder in views(lake):
            files = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
            self.context.register(table, files)

    def query(self, sql):
        return self.context.execute(sql, eager=True).to_arrow()

    def close(self):
        pass


class DataFusion:
    def __init__(self, lake):
        import datafusion

        self.context = datafusion.SessionContext()
        for table, folder in views(lake):
            self.context.register_parquet(table, folder)

    def query(self, sql):
        return self.context.sql(sql).to_arrow_table()

    def close(self):
        pass


class Spark:
    """With two executor processes."""

    def __init__(self, lake):
        from pyspark.sql import SparkSession

        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master(os.environ.get("SPARK_MASTER", "local-cluster[2,1,1024]"))
        for key, value in {
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.ansi.enabled": "true",
        }.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")
        for table, folder in views(lake):
            files = self.session.read.option("mergeSchema", "true").parquet(folder)
            # Two partitions for two executors, read once.
            files.coalesce(2).cache().createOrReplaceTempView(table)

    def query(self, sql):
        return self.session.sql(sql).toArrow()

    def close(self):
        self.session.stop()


ENGINES = {"duckdb": DuckDb, "clickhouse": ClickHouse, "polars": Polars, "datafusion": DataFusion, "spark": Spark}


def files(lake, table):
    return sorted(glob.glob(f"{lake}/{table}/**/*.parquet", recursive=True))
