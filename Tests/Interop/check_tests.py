"""The package's own tests that need these frameworks in Python, which `make test` skips where they are not installed."""

import os
import pathlib
import re
import subprocess
import sys

SUITES = ("TorchWriterTests", "KerasWritingTests", "PythonTests")


def check(report, _):
    result = subprocess.run(
        ["swift", "test", "-c", "release", "--scratch-path", ".build/tests", "--filter", "|".join(f"\\.{suite}/" for suite in SUITES)],
        cwd=pathlib.Path(__file__).resolve().parents[2], env=os.environ | {"RNNKIT_PYTHON": sys.executable},
        capture_output=True, text=True)
    lines = (result.stdout + result.stderr).splitlines()
    for line in lines:
        if re.search(r"Test .* passed after", line):
            report.require(True, "")
        elif re.search(r"Test .* (skipped|recorded an issue|failed)", line):
            report.require(False, line.strip())
    report.require(result.returncode == 0, f"swift test ended with status {result.returncode}")
    report.say(next((line.strip() for line in reversed(lines) if "Test run with" in line), "no test was run"))
