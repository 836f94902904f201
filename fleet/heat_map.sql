-- The vendor's cells by site, each with the best that its latest visit saw.
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
),
ranked AS (
  SELECT c.site_name AS site_name, c.document AS document, c.direction AS direction, c.transport AS transport, c.port AS port,
    MAX(CASE WHEN c.state = 'carried' THEN 3 WHEN c.state = 'blocked' THEN 2 WHEN c.state = 'one-way' THEN 1 ELSE 0 END) AS best,
    MAX(c.hosts_blocked) AS devices_blocked
  FROM coverage AS c
  JOIN now AS n ON c.survey_id = n.survey_id
  GROUP BY c.site_name, c.document, c.direction, c.transport, c.port
)
SELECT site_name, document, direction, transport, port,
  CASE WHEN best = 3 THEN 'carried' WHEN best = 2 THEN 'blocked' WHEN best = 1 THEN 'one-way' ELSE 'not-seen' END AS state,
  devices_blocked
FROM ranked
ORDER BY site_name, document, direction, transport, port, state, devices_blocked;
