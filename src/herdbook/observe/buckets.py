"""Takes nothing.

Gives the limits of the histograms of times, in seconds: the same wherever times are counted.
Never is finer than the record's own buckets.
"""

# 1, 2 and 5 of each power of ten: from a millisecond to 5,000 seconds.
SECONDS = tuple(float(f"{digit}e{power}") for power in range(-3, 4) for digit in (1, 2, 5))
