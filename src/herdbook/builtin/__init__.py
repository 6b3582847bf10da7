"""The built-in job types, email, notification and report: the extra `herdbook[builtin]`, found by its entry points."""
