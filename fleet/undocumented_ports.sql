-- Ports that no document lists and that two sites or more use: a fleet's own habit, or the vendor's omission.
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
used AS (
  SELECT c.transport AS transport, c.server_port AS server_port, c.client_role AS client_role, c.server_role AS server_role,
    COUNT(DISTINCT c.site_name) AS sites, COUNT(*) AS conversations, SUM(c.client_packets + c.server_packets) AS packets
  FROM conversations AS c
  JOIN visits AS v ON c.survey_id = v.survey_id
  WHERE c.verdict = 'unexpected' AND c.reason = 'undocumented-port'
  GROUP BY c.transport, c.server_port, c.client_role, c.server_role
)
SELECT transport, server_port, client_role, server_role, sites, conversations, packets
FROM used
WHERE sites >= 2
ORDER BY sites DESC, conversations DESC, packets DESC, transport, server_port, client_role, server_role;
