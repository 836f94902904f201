-- Sites of whose latest visit a capture proves nothing or not all, and why.
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
SELECT s.site_name AS site_name, s.survey_day AS survey_day, s.survey_id AS survey_id,
  CASE WHEN s.judged = FALSE THEN COALESCE(s.not_judged_because, 'nothing was judged')
    WHEN s.cells_carried + s.cells_blocked = 0 THEN 'no port of the vendor was seen in use'
    ELSE 'a capture could not be read to its end' END AS why,
  s.captures AS captures, s.damaged_captures AS damaged_captures, s.frames AS frames
FROM surveys AS s
JOIN now AS n ON s.survey_id = n.survey_id
WHERE s.judged = FALSE OR s.cells_carried + s.cells_blocked = 0 OR s.damaged_captures > 0
ORDER BY site_name, survey_day, survey_id, why, captures, damaged_captures, frames;
