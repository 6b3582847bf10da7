-- The result of one batch.
UPDATE herdbook.operations
SET cursor = coalesce($2, cursor), changed = changed + $3, skipped = skipped + $4, problems = problems || CAST($5 AS jsonb),
    updated_at = now(), finished_at = CASE WHEN $6 THEN now() END
WHERE id = $1
