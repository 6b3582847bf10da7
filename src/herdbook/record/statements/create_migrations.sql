-- Which migrations the database has. Migration 0009 adds a column.
CREATE TABLE IF NOT EXISTS herdbook.migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
