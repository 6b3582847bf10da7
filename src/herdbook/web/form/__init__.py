"""The form of a job type: built from its JSON Schema, filled in, and read back into a job.

It never decides what is valid; the job type's model does.
"""
