-- When the row was written, not when its transaction began: a caller may publish at the end of a long one, and whoever
-- reads what changed in the meantime would look for the job too late.
ALTER TABLE herdbook.jobs
    ALTER COLUMN created_at SET DEFAULT clock_timestamp(),
    ALTER COLUMN updated_at SET DEFAULT clock_timestamp();
