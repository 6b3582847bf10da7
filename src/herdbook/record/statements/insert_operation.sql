-- An action on many jobs: those that the record has now.
INSERT INTO herdbook.operations (id, action, wanted, newest, expected, reason)
VALUES (
    $1, CAST(CAST($2 AS text) AS herdbook.operation_action), $3,
    coalesce((SELECT id FROM herdbook.jobs ORDER BY id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'), $4, $5
)
RETURNING *
