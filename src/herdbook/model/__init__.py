"""Jobs, their options and outcomes, and the job types a program declares."""
