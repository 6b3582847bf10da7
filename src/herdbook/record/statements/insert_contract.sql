INSERT INTO herdbook.migrations (version, name, is_contract) VALUES ($1, $2, true)
