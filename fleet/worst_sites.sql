-- Sites by their latest visit, worst first.
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
answers AS (
  SELECT c.survey_id AS survey_id, COUNT(*) AS stopped
  FROM conversations AS c
  JOIN now AS n ON c.survey_id = n.survey_id
  WHERE c.stopped_answering = TRUE
  GROUP BY c.survey_id
)
SELECT s.site_name AS site_name, COALESCE(MAX(s.customer), '') AS customer, COALESCE(MAX(s.building), '') AS building,
  MAX(s.survey_day) AS survey_day, SUM(CASE WHEN s.judged = TRUE THEN 0 ELSE 1 END) AS not_judged, SUM(s.alerts) AS alerts,
  SUM(s.warnings) AS warnings, SUM(s.notices) AS notices, MAX(s.cells_blocked) AS cells_blocked,
  MAX(s.cells_carried) AS cells_carried, SUM(COALESCE(a.stopped, 0)) AS stopped_answering
FROM surveys AS s
JOIN now AS n ON s.survey_id = n.survey_id
LEFT JOIN answers AS a ON s.survey_id = a.survey_id
GROUP BY s.site_name
ORDER BY alerts DESC, warnings DESC, not_judged DESC, cells_blocked DESC, notices DESC, stopped_answering DESC, cells_carried,
  site_name, customer, building, survey_day;
