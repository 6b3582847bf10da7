"""Running jobs: fetch, claim, run, decide, record, acknowledge."""
