"""Sends messages to the servers of others: signed POST requests to programs, notifications to people."""
