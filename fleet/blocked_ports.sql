-- Documented ports that are blocked somewhere at this time: on how many sites, and for how many devices.
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
SELECT c.document AS document, c.direction AS direction, c.transport AS transport, c.port AS port, c.service AS service,
  COUNT(DISTINCT c.site_name) AS sites, SUM(c.hosts_blocked) AS devices
FROM coverage AS c
JOIN now AS n ON c.survey_id = n.survey_id
WHERE c.hosts_blocked > 0
GROUP BY c.document, c.direction, c.transport, c.port, c.service
ORDER BY sites DESC, devices DESC, document, direction, transport, port, service;
