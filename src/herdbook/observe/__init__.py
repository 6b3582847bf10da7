"""Takes what the parts tell of their work.

Gives it a readable form.
Never is called by the logic itself, which only emits events.
"""
