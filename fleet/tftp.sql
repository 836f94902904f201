-- TFTP requests with their file names: those without a transfer first, then the slowest.
-- Of surveys of the same captures the one judged last counts.
WITH judged AS (
  SELECT site_name, inputs_digest, MAX(judged_at) AS judged_at
  FROM surveys
  GROUP BY site_name, inputs_digest
),
visits AS (
  SELECT s.site_name AS site_name, s.inputs_digest AS inputs_digest, MAX(s.survey_id) AS survey_id, MAX(s.survey_day) AS survey_day
  FROM surveys AS s
  JOIN judged AS j
    ON s.site_name = j.site_name AND s.inputs_digest = j.inputs_digest AND s.judged_at = j.judged_at
  GROUP BY s.site_name, s.inputs_digest
),
transfers AS (
  SELECT f.survey_id AS survey_id, f.related_to AS flow_id, COUNT(*) AS flows, MAX(f.duration_s) AS seconds,
    SUM(f.client_bytes + f.server_bytes) AS bytes
  FROM flows AS f
  JOIN visits AS v ON f.survey_id = v.survey_id
  WHERE f.related_to IS NOT NULL AND f.transport = 'udp'
  GROUP BY f.survey_id, f.related_to
)
SELECT f.site_name AS site_name, f.survey_day AS survey_day, f.client_ip AS client_ip, COALESCE(f.client_name, '') AS client_name,
  f.server_ip AS server_ip, f.tftp_file AS tftp_file, f.flow_id AS flow_id,
  CASE WHEN t.flows IS NULL THEN 'failed' ELSE 'transferred' END AS result,
  COALESCE(t.seconds, 0.0) AS seconds, COALESCE(t.bytes, 0) AS bytes
FROM flows AS f
JOIN visits AS v ON f.survey_id = v.survey_id
LEFT JOIN transfers AS t ON f.survey_id = t.survey_id AND f.flow_id = t.flow_id
WHERE f.tftp_file IS NOT NULL
ORDER BY result, seconds DESC, bytes DESC, site_name, survey_day, client_ip, client_name, server_ip, tftp_file, flow_id;
