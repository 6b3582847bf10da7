"""Sends messages: signed POST requests to programs, and notifications to people."""
