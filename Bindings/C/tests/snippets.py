"""Compiles and runs the C of a README, its pieces one after the other in one program, and that of the README of all.

    RNNKIT_PREFIX=/usr/local python snippets.py README SAMPLES SCRATCH
"""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np

readme, samples, scratch = (pathlib.Path(argument) for argument in sys.argv[1:4])
prefix = os.environ["RNNKIT_PREFIX"]
pieces = re.findall(r"^```c\n(.*?)^```", readme.read_text(), re.M | re.S)
assert len(pieces) == 3, len(pieces)
program = """
#include <rnnkit.h>
#include <stdio.h>
static float samples[200], results[200];
int main(int count, char **arguments) {
  const char *path = arguments[1];
  int i;
  for (i = 0; i < 200; i++) samples[i] = (float)(i % 17) / 17;
@
  fwrite(results, sizeof(float), 200, stdout);
@
  if (!other) return 2;
@
  fwrite(results, sizeof(float), 64, stdout);
  return 0;
}
"""
for piece in pieces:
    program = program.replace("@", piece, 1)
(scratch / "snippets.c").write_text(program)
subprocess.run(["gcc", "-Wall", "-Werror", "-Wno-unused-parameter", str(scratch / "snippets.c"), f"-I{prefix}/include", f"-L{prefix}/lib",
                f"-Wl,-rpath,{prefix}/lib", "-lrnnkit", "-o", str(scratch / "snippets")], check=True)
model = str(samples / "sunspots/sunspots.rnn")
printed = subprocess.run([str(scratch / "snippets"), model], check=True, capture_output=True).stdout
found = np.frombuffer(printed, "float32")
x = ((np.arange(200) % 17).astype("float32") / np.float32(17)).reshape(100, 2, 1)


def command(x):
    np.save(scratch / "x.npy", x)
    subprocess.run([prefix + "/bin/rnn", "run", model, "--input", str(scratch / "x.npy"), "--output", str(scratch / "y.npz"), "--force"], check=True)
    with np.load(scratch / "y.npz") as results:
        return results["y"].tobytes()


assert found[:200].tobytes() == command(x)
assert found[200:].tobytes() == command(x.reshape(200, 1, 1)[:64])
# An error is what it says, with the status of the command.
failed = subprocess.run([str(scratch / "snippets"), "none"], capture_output=True, text=True)
assert failed.returncode == 66 and failed.stderr.startswith("none: cannot be opened: No such file"), failed

# The README of all has a whole program, and files that its first example makes.
(front,) = re.findall(r"^```c\n(.*?)^```", (samples.parent / "README.md").read_text(), re.M | re.S)
(scratch / "front.c").write_text(front)
subprocess.run(["gcc", "-Wall", "-Werror", str(scratch / "front.c"), f"-I{prefix}/include", f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib",
                "-lrnnkit", "-o", str(scratch / "front")], check=True)
subprocess.run([prefix + "/bin/rnn", "convert", "-q", "-f", str(samples / "tagger/model.pt"), str(scratch / "model.rnn")], check=True)
x = np.zeros((4, 2, 3), "float32")
x[0, 0] = 0.1, 0.2, 0.3
model = str(scratch / "model.rnn")
printed = subprocess.run([str(scratch / "front")], check=True, capture_output=True, cwd=scratch, text=True).stdout
assert np.array(printed.split(), "float32").tobytes() == np.frombuffer(command(x), "float32")[::2].tobytes(), printed
