"""From a request to a row in the record and in its outbox."""
