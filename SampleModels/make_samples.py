"""Makes the sample models, all of them or those whose names contain an argument.

    python make_samples.py [NAME]...

The packages are pinned in requirements.txt; seeds are fixed and one thread is used, so that a second run on the same
kind of processor writes the same bytes.
"""

import sys

# Each of these registers the samples it makes.
import elman_samples  # noqa: F401
import cell_samples  # noqa: F401
import chain_samples  # noqa: F401
import keras_samples  # noqa: F401
import plain_samples  # noqa: F401
import train_sunspots  # noqa: F401
from sample import make

if __name__ == "__main__":
    words = sys.argv[1:]
    make(lambda name: not words or any(word in name for word in words))
