"""Makes the sample models, all of them or those whose names contain an argument.

    python make_samples.py [NAME]...

The packages are pinned in requirements.txt; seeds are fixed and one thread is used, so that a second run on the same
kind of processor writes the same bytes.
"""

import sys

import elman_samples  # noqa: F401  (each of these registers its samples)
import train_sunspots  # noqa: F401
from sample import SAMPLES, make


def main(wanted):
    for names, function in SAMPLES:
        if not wanted or any(word in name for word in wanted for name in names):
            print(*names)
            make(names, function)


if __name__ == "__main__":
    main(sys.argv[1:])
