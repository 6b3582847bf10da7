"""Publishing jobs: from a request to rows in the record and its outbox."""
