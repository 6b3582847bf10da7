"""What operators see and do: queue statistics, explanations, live changes, retrying, cancelling, pausing."""
