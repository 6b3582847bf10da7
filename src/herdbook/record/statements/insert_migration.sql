INSERT INTO herdbook.migrations (version, name) VALUES ($1, $2)
