"""The bucket limits of all histograms of durations.

They must not be finer than the record's own buckets.
"""

# 1, 2 and 5 times each power of ten, from a millisecond to 5,000 seconds.
SECONDS = tuple(float(f"{digit}e{power}") for power in range(-3, 4) for digit in (1, 2, 5))
