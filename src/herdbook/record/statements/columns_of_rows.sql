-- The columns of a job in a list.
id, queue, job_type, status, left(job_data::text, 300) AS data, left(error_message, 300) AS error,
left(progress::text, 300) AS progress, attempt, max_attempts, generation, run_at, waited_ms,
created_at, started_at, completed_at
