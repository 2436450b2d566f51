"""Runs the fuzz targets, a few at a time, from the samples and fixtures, and prints a line for each.

With --seconds each starts from what earlier runs found too, and keeps what it finds. With --runs and a seed it starts
from the samples alone and does the same every time. Exit status 1 where a target found something; the file that it found
is named."""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Address randomness can place a sanitizer's memory where it cannot start.
FIXED_ADDRESSES = ["setarch", "-R"] if shutil.which("setarch") else []
MEMORY_MIB = 2048
# By the clock, on a machine that may be busy.
SLOWEST_SECONDS = 60


def fuzz(options, name, seeds):
    corpus = options.work / "corpus" / name
    if not options.seconds:
        corpus = Path(tempfile.mkdtemp(prefix="corpus-", dir=options.work))
    findings = options.work / "findings"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    limit = [f"-max_total_time={options.seconds}"] if options.seconds else [f"-runs={options.runs}"]
    log = options.work / f"{name}.log"
    # Files that a file names are looked for where there are none.
    with open(log, "wb") as output, tempfile.TemporaryDirectory(dir=options.work) as empty:
        status = subprocess.run(
            [*FIXED_ADDRESSES, options.fuzzer, name, *limit, f"-seed={options.seed}", "-print_final_stats=1",
             f"-timeout={SLOWEST_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", "-max_len=32768", "-len_control=20",
             "-detect_leaks=0", f"-artifact_prefix={findings}/{name}-", corpus, seeds / name],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=empty,
            env=os.environ | {
                "TMPDIR": options.temporary, "ASAN_OPTIONS": "quarantine_size_mb=32",
                "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                "SWIFT_BACKTRACE": "enable=no"}).returncode
    if options.seconds == 0:
        shutil.rmtree(corpus)
    text = log.read_text(errors="replace")
    executions = re.findall(r"number_of_executed_units: *(\d+)", text) or re.findall(r"^#(\d+)", text, re.M)
    coverage = re.findall(r"cov: (\d+)", text)
    found = re.findall(r"Test unit written to (\S+)", text)
    said = re.findall(r"^rnn-fuzz: .*|^SUMMARY: .*|^Fatal error: .*", text, re.M)
    words = f"{name:12} {executions[-1] if executions else 0:>10} runs  {coverage[-1] if coverage else 0:>6} edges  "
    if status == 0:
        return words + "no finding", False
    return words + (f"FOUND {found[0]}" if found else f"ended with {status}, see {log}") + "".join(
        f"\n  {line[:300]}" for line in said[:2]), True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fuzzer", required=True, type=os.path.abspath)
    parser.add_argument("--work", default=ROOT / ".build/fuzz-work", type=lambda path: Path(path).resolve())
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--targets", nargs="*")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    options.temporary = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    targets = options.targets or subprocess.run(
        [options.fuzzer, "targets"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    with tempfile.TemporaryDirectory(prefix="seeds-", dir=options.work) as seeds:
        subprocess.run([options.fuzzer, "seeds", seeds, ROOT], check=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            failed = False
            for words, is_finding in pool.map(lambda name: fuzz(options, name, Path(seeds)), targets):
                print(words, flush=True)
                failed |= is_finding
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
