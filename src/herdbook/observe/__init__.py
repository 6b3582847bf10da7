"""Logs, metrics and traces.

The logic itself only emits events and never calls these modules.
"""
