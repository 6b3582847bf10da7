"""The fault laboratory: a whole system on servers of its own, faults that provably happen, and one checker.

`make faults` runs all scenarios and writes their results into `docs/reliability.md`; `make test` runs a few small ones.
"""
