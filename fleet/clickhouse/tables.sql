-- Tables for a fleet in ClickHouse. A survey that is loaded again replaces its rows when parts merge (and at once with FINAL);
-- rows go after 400 days.
CREATE TABLE surveys
(
    site_name LowCardinality(String),
    survey_day Date32,
    inputs_digest String,
    survey_id String,
    judged_at DateTime64(6, 'UTC'),
    tool_version LowCardinality(String),
    policy_name LowCardinality(String),
    policy_digest LowCardinality(String),
    inventory_digest LowCardinality(String),
    judged Bool,
    not_judged_because String,
    first_seen DateTime64(6, 'UTC'),
    last_seen DateTime64(6, 'UTC'),
    captures Int64,
    damaged_captures Int64,
    frames Int64,
    frames_decoded Int64,
    flows Int64,
    alerts Int64,
    warnings Int64,
    notices Int64,
    cells Int64,
    cells_carried Int64,
    cells_blocked Int64,
    customer LowCardinality(String),
    building String
)
ENGINE = ReplacingMergeTree(judged_at)
ORDER BY (site_name, inputs_digest)
TTL toDate(survey_day) + INTERVAL 400 DAY;

CREATE TABLE conversations
(
    site_name LowCardinality(String),
    survey_day Date32 CODEC(Delta, ZSTD),
    survey_id LowCardinality(String),
    client_ip String CODEC(ZSTD),
    client_ip_bytes FixedString(16) CODEC(ZSTD),
    client_role LowCardinality(String),
    client_name String CODEC(ZSTD),
    server_ip String CODEC(ZSTD),
    server_ip_bytes FixedString(16) CODEC(ZSTD),
    server_role LowCardinality(String),
    server_name String CODEC(ZSTD),
    transport LowCardinality(String),
    server_port Nullable(Int64) CODEC(ZSTD),
    service LowCardinality(String),
    verdict LowCardinality(String),
    reason LowCardinality(String),
    severity LowCardinality(String),
    outcome LowCardinality(String),
    stopped_answering Bool,
    flows Int64 CODEC(T64, ZSTD),
    client_packets Int64 CODEC(T64, ZSTD),
    client_bytes Int64 CODEC(T64, ZSTD),
    server_packets Int64 CODEC(T64, ZSTD),
    server_bytes Int64 CODEC(T64, ZSTD),
    first_seen DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    last_seen DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    INDEX client client_ip TYPE bloom_filter GRANULARITY 4,
    INDEX server server_ip TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(survey_day)
ORDER BY (verdict, ifNull(server_port, -1), site_name, survey_day, survey_id, transport, client_ip, server_ip)
TTL toDate(survey_day) + INTERVAL 400 DAY;

CREATE TABLE coverage
(
    site_name LowCardinality(String),
    survey_day Date32 CODEC(Delta, ZSTD),
    inputs_digest String CODEC(ZSTD),
    survey_id LowCardinality(String),
    document LowCardinality(String),
    direction LowCardinality(String),
    transport LowCardinality(String),
    port Int64 CODEC(T64, ZSTD),
    service LowCardinality(String),
    state LowCardinality(String),
    hosts_carried Int64 CODEC(T64, ZSTD),
    hosts_blocked Int64 CODEC(T64, ZSTD),
    hosts_one_way Int64 CODEC(T64, ZSTD),
    hosts_not_seen Int64 CODEC(T64, ZSTD)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(survey_day)
ORDER BY (site_name, survey_day, survey_id, document, direction, transport, port)
TTL toDate(survey_day) + INTERVAL 400 DAY;

-- The heat map, kept while rows come in: of each site, day and cell the best that was seen, 3 carried, 2 blocked, 1 one way, 0 not seen.
CREATE TABLE heat_map
(
    site_name LowCardinality(String),
    survey_day Date32,
    document LowCardinality(String),
    direction LowCardinality(String),
    transport LowCardinality(String),
    port Int64,
    best SimpleAggregateFunction(max, UInt8),
    devices_blocked SimpleAggregateFunction(max, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (site_name, survey_day, document, direction, transport, port)
TTL toDate(survey_day) + INTERVAL 400 DAY;

CREATE MATERIALIZED VIEW heat_map_of_coverage TO heat_map AS
SELECT
    site_name,
    survey_day,
    document,
    direction,
    transport,
    port,
    toUInt8(max(multiIf(state = 'carried', 3, state = 'blocked', 2, state = 'one-way', 1, 0))) AS best,
    max(hosts_blocked) AS devices_blocked
FROM coverage
GROUP BY site_name, survey_day, document, direction, transport, port;
