-- Jobs that the queue refused: they are tried again later, and say why.
INSERT INTO herdbook.outbox (job, created_at, tries, deliver_after, error_message)
SELECT * FROM unnest(
    CAST($1 AS uuid[]), CAST($2 AS timestamptz[]), CAST($3 AS int[]), CAST($4 AS timestamptz[]), CAST($5 AS text[])
)
