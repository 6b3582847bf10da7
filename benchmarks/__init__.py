"""Measures the path of a job on real servers: `make bench`."""
