-- Nodes and gateways that were heard on an earlier visit and not on the latest.
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
heard AS (
  SELECT DISTINCT h.site_name AS site_name, h.address AS address
  FROM hosts AS h
  JOIN now AS n ON h.survey_id = n.survey_id
  WHERE h.heard = TRUE
),
once AS (
  SELECT h.site_name AS site_name, h.address AS address, h.role AS role, COALESCE(MAX(h.name), '') AS name,
    MAX(e.survey_day) AS last_heard
  FROM hosts AS h
  JOIN earlier AS e ON h.survey_id = e.survey_id
  WHERE h.heard = TRUE AND (h.role = 'node' OR h.role = 'gateway')
  GROUP BY h.site_name, h.address, h.role
)
SELECT o.site_name AS site_name, o.address AS address, o.role AS role, o.name AS name, o.last_heard AS last_heard
FROM once AS o
LEFT JOIN heard AS h ON o.site_name = h.site_name AND o.address = h.address
WHERE h.address IS NULL
ORDER BY site_name, address, role, name, last_heard;
