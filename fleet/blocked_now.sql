-- Cells that an earlier visit of a site saw carried and that are blocked on its latest.
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
earlier AS (
  SELECT v.site_name AS site_name, v.survey_id AS survey_id, v.survey_day AS survey_day
  FROM visits AS v
  JOIN latest AS l ON v.site_name = l.site_name
  WHERE v.survey_day < l.survey_day
),
carried AS (
  SELECT c.site_name AS site_name, c.document AS document, c.direction AS direction, c.transport AS transport, c.port AS port,
    MAX(e.survey_day) AS last_carried
  FROM coverage AS c
  JOIN earlier AS e ON c.survey_id = e.survey_id
  WHERE c.state = 'carried'
  GROUP BY c.site_name, c.document, c.direction, c.transport, c.port
),
blocked AS (
  SELECT c.site_name AS site_name, c.document AS document, c.direction AS direction, c.transport AS transport, c.port AS port,
    MAX(c.service) AS service, MAX(c.hosts_blocked) AS devices
  FROM coverage AS c
  JOIN now AS n ON c.survey_id = n.survey_id
  WHERE c.hosts_blocked > 0
  GROUP BY c.site_name, c.document, c.direction, c.transport, c.port
)
SELECT b.site_name AS site_name, b.document AS document, b.direction AS direction, b.transport AS transport, b.port AS port,
  b.service AS service, b.devices AS devices, c.last_carried AS last_carried
FROM blocked AS b
JOIN carried AS c ON b.site_name = c.site_name AND b.document = c.document AND b.direction = c.direction
  AND b.transport = c.transport AND b.port = c.port
ORDER BY site_name, document, direction, transport, port, service, devices, last_carried;
