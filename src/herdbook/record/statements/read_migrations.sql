-- Also works before the migration that adds `is_contract`.
SELECT version, coalesce(CAST(to_jsonb(m) ->> 'is_contract' AS boolean), false) AS is_contract
FROM herdbook.migrations m
