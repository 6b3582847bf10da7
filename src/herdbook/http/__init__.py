"""The HTTP API: publishing jobs, reading them, operating, and the state of the system."""
