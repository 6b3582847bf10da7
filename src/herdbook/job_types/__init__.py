"""The job types of a process: the application's, those of installed packages, and Herdbook's own."""
