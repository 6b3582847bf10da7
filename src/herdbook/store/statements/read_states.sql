-- What a worker must know of the jobs that were delivered to it. Those that the record does not know are left out.
SELECT now(), id, generation, attempt, status, timeout_ms, progress::text,
       greatest(0, 1000 * extract(epoch FROM now() - coalesce(run_at, updated_at)))::bigint AS waited_ms,
       CASE WHEN status = 'completed' THEN result::text END AS result, error_message
FROM herdbook.jobs WHERE id = ANY (CAST($1 AS uuid[]))
