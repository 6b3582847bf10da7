"""Takes `python -m herdbook`.

Gives the same as the command `herdbook`.
Never does more.
"""

from herdbook.cli import main

if __name__ == "__main__":
    main()
