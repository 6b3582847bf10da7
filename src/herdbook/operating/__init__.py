"""What operators ask and do: look, explain, retry, cancel, pause."""
