-- Which versions run where, by role; empty where the inventory does not say.
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
devices AS (
  SELECT DISTINCT h.role AS role, COALESCE(h.version, '') AS version, h.site_name AS site_name, h.address AS address
  FROM hosts AS h
  JOIN now AS n ON h.survey_id = n.survey_id
  WHERE h.role = 'node' OR h.role = 'gateway'
)
SELECT role, version, COUNT(DISTINCT site_name) AS sites, COUNT(*) AS devices
FROM devices
GROUP BY role, version
ORDER BY role, version, sites, devices;
