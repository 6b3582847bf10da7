"""What a job is, and what a program declares of its job types."""
