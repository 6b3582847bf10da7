"""Lets `python -m herdbook` do the same as the command `herdbook`."""

from herdbook.cli import main

if __name__ == "__main__":
    main()
