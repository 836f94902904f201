-- Who talks to addresses outside of the site.
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
latest AS (
  SELECT site_name, MAX(survey_day) AS survey_day
  FROM visits
  GROUP BY site_name
),
now AS (
  SELECT v.site_name AS site_name, v.survey_id AS survey_id, v.survey_day AS survey_day
  FROM visits AS v
  JOIN latest AS l ON v.site_name = l.site_name AND v.survey_day = l.survey_day
)
SELECT c.site_name AS site_name, c.client_ip AS client_ip, COALESCE(c.client_name, '') AS client_name, c.client_role AS client_role,
  c.server_ip AS server_ip, c.server_role AS server_role, c.transport AS transport, COALESCE(c.server_port, 0) AS server_port,
  c.verdict AS verdict, c.outcome AS outcome, SUM(c.client_packets + c.server_packets) AS packets
FROM conversations AS c
JOIN now AS n ON c.survey_id = n.survey_id
WHERE c.server_role = 'external' OR c.client_role = 'external'
GROUP BY c.site_name, c.client_ip, COALESCE(c.client_name, ''), c.client_role, c.server_ip, c.server_role, c.transport,
  COALESCE(c.server_port, 0), c.verdict, c.outcome
ORDER BY site_name, client_ip, client_name, client_role, server_ip, server_role, transport, server_port, verdict, outcome, packets;
