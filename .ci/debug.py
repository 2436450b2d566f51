"""Streams a few steps through models with a debug and a release build of `rnn`: both must end well, and with the same bits.

    python3 .ci/debug.py .build/debug/rnn .build/release/rnn"""

import json
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[1] / "SampleModels"
RUNS = [["rnn_1_layer"], ["gru_1_layer"], ["lstm_1_layer"], ["lstm_1_layer", "--precision", "f64"], ["lstm_3_layers"]]

debug, release = sys.argv[1:]
for model, *options in RUNS:
    path = str(SAMPLES / (model + ".rnn"))
    shown = subprocess.run([release, "inspect", path, "--json"], capture_output=True, check=True)
    size = json.loads(shown.stdout)["architecture"]["modules"][0]["input_size"]
    steps = "".join(",".join(str((step + feature) / 8) for feature in range(size)) + "\n" for step in range(20))
    run = ["run", path, "--stream", *options]
    expected = subprocess.run([release, *run], input=steps.encode(), capture_output=True, check=True).stdout
    found = subprocess.run([debug, *run], input=steps.encode(), capture_output=True)
    if found.returncode != 0 or found.stdout != expected or not expected:
        sys.exit(f"{model}: exit status {found.returncode}, {found.stderr.decode()}\n{found.stdout}\n{expected}")
print(f"{len(RUNS)} runs are alike in both builds")
