-- Loads Parquet files; LAKE is the folder, or s3('https://...', ...) in the place of file().
INSERT INTO surveys
SELECT * EXCEPT (judged_at_ns, first_seen_ns, last_seen_ns)
FROM file('LAKE/surveys/**/*.parquet', Parquet)
SETTINGS input_format_null_as_default = 1, use_hive_partitioning = 0;

INSERT INTO conversations
SELECT site_name, survey_day, survey_id, client_ip, client_ip_bytes, client_role, ifNull(client_name, ''), server_ip, server_ip_bytes,
    server_role, ifNull(server_name, ''), transport, server_port, ifNull(service, ''), verdict, ifNull(reason, ''), ifNull(severity, ''), outcome,
    stopped_answering, flows, client_packets, client_bytes, server_packets, server_bytes, first_seen, last_seen
FROM file('LAKE/conversations/**/*.parquet', Parquet)
SETTINGS use_hive_partitioning = 0;

INSERT INTO coverage
SELECT site_name, survey_day, inputs_digest, survey_id, document, direction, transport, port, service, state, hosts_carried, hosts_blocked,
    hosts_one_way, hosts_not_seen
FROM file('LAKE/coverage/**/*.parquet', Parquet)
SETTINGS use_hive_partitioning = 0;
