"""Every check against the real frameworks, one after the other.

    python run.py RNN [CHECK]...

RNN is the command; CHECK is a key of CHECKS, all of them where none is named. Needs requirements.txt.
Exits with 1 where anything fails, or where a check checked nothing.
"""

import importlib
import sys
import tempfile
import time
import traceback

from samples import Command, Report

CHECKS = {"torch": "check_torch", "keras": "check_keras", "onnx": "check_onnx", "operators": "check_onnx_operators",
          "around": "check_around", "planes": "check_planes", "rebuilt": "check_rebuilt", "keras-around": "check_keras_around",
          "verify": "check_verify", "keras-versions": "check_keras_versions", "leftovers": "check_leftovers",
          "renames": "check_renames", "torchscript": "check_torchscript", "torchscript-around": "check_torchscript_around",
          "code": "check_code", "forwards": "check_forwards",
          "readme": "check_readme", "tests": "check_tests"}


def main(command, *names):
    sys.stdout.reconfigure(line_buffering=True)
    reports = {}
    for name in names or CHECKS:
        start, report = time.monotonic(), Report()
        with tempfile.TemporaryDirectory() as folder:
            try:
                importlib.import_module(CHECKS[name]).check(report, Command(command, folder))
            except Exception:
                report.failures.append(traceback.format_exc().strip())
        if not report.checked:
            report.failures.append("nothing was checked")
        reports[name] = report
        print(f"{name}: {report.checked} checks in {time.monotonic() - start:.0f} s")
        for line in report.lines:
            print(f"  {line}")
        for failure in report.failures:
            print(f"  FAILED {failure}")
    count = sum(len(report.failures) for report in reports.values())
    checked = sum(report.checked for report in reports.values())
    print(f"interop: {checked} checks, " + (f"{count} FAILED" if count else "all hold"))
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
