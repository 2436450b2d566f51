"""`python -m rnnkit` is the command `rnn`."""

import sys

from ._library import command

if __name__ == "__main__":
    command(sys.argv[1:])
