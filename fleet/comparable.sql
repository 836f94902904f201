-- Which surveys compare: those that one version held against one policy.
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
)
SELECT s.tool_version AS tool_version, s.policy_name AS policy_name, s.policy_digest AS policy_digest,
  COUNT(DISTINCT s.site_name) AS sites, COUNT(*) AS surveys, MIN(s.survey_day) AS first_day, MAX(s.survey_day) AS last_day
FROM surveys AS s
JOIN visits AS v ON s.survey_id = v.survey_id
GROUP BY s.tool_version, s.policy_name, s.policy_digest
ORDER BY sites DESC, surveys DESC, tool_version, policy_name, policy_digest, first_day, last_day;
