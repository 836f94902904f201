-- One file a month of each table instead of one a survey, sorted as igorscope sorts them. Run in the lake's folder:
--     duckdb -c ".read compaction/duckdb.sql"
-- It writes beside the lake, into ../compacted; the questions take it as they take the lake.
COPY (SELECT * EXCLUDE (day, site), strftime(survey_day, '%Y-%m') AS month FROM read_parquet('flows/**/*.parquet', hive_partitioning = true, union_by_name = true)
  ORDER BY server_port NULLS FIRST, first_seen)
  TO '../compacted/flows' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, PARTITION_BY (month), OVERWRITE_OR_IGNORE);
COPY (SELECT * EXCLUDE (day, site), strftime(survey_day, '%Y-%m') AS month FROM read_parquet('conversations/**/*.parquet', hive_partitioning = true, union_by_name = true)
  ORDER BY server_port NULLS FIRST, first_seen)
  TO '../compacted/conversations' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, PARTITION_BY (month), OVERWRITE_OR_IGNORE);
COPY (SELECT * EXCLUDE (day, site), strftime(survey_day, '%Y-%m') AS month FROM read_parquet('coverage/**/*.parquet', hive_partitioning = true, union_by_name = true)
  ORDER BY site_name, survey_day)
  TO '../compacted/coverage' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, PARTITION_BY (month), OVERWRITE_OR_IGNORE);
COPY (SELECT * EXCLUDE (day, site), strftime(survey_day, '%Y-%m') AS month FROM read_parquet('hosts/**/*.parquet', hive_partitioning = true, union_by_name = true)
  ORDER BY site_name, survey_day)
  TO '../compacted/hosts' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, PARTITION_BY (month), OVERWRITE_OR_IGNORE);
COPY (SELECT * EXCLUDE (day, site), strftime(survey_day, '%Y-%m') AS month FROM read_parquet('surveys/**/*.parquet', hive_partitioning = true, union_by_name = true)
  ORDER BY site_name, survey_day)
  TO '../compacted/surveys' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, PARTITION_BY (month), OVERWRITE_OR_IGNORE);
