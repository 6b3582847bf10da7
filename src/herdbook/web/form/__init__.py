"""Takes a job type's JSON Schema, and what a browser sends of the form that is made from it.

Gives the form, the job that it asks for, and what is wrong at which field.
Never decides what is valid: the job type's model does.
"""
