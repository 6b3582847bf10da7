"""The job types that a process works with: the application's, those of installed packages, and Herdbook's own."""
