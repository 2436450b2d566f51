#!python
# The command `rnn`, without importing the package, whose NumPy takes longer to load than most runs.
import importlib.util
import os
import sys

found = importlib.util.find_spec("rnnkit")
if found is None or found.origin is None:
    sys.exit("rnn: the package rnnkit is not installed in " + sys.prefix)
program = os.path.join(os.path.dirname(found.origin), "_lib", "rnn")
os.execv(program, ["rnn"] + sys.argv[1:])
