"""Feeds hostile files to the command and counts what it does with them.

    run.py --rnn PATH [--seed 1] [--count 20000] [--known FOLDER] [--corpus FOLDER]... [--jobs 2] [--keep FOLDER]

Every file goes through `rnn inspect` and `rnn convert`. Neither may end by a signal, take longer than 10 s and the time a
process takes to be stopped, hold more than 1 GiB, say anything but one line about an error, or leave an output behind it.
Exit status 1 where one does."""

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import mutate

ROOT = Path(__file__).resolve().parents[2]
KINDS = [".h5", ".hdf5", ".pt", ".pth", ".onnx", ".keras", ".npz"]
LIMIT_SECONDS = 10
SLACK_SECONDS = 3
LIMIT_KIB = 1 << 20
STATUSES = {0, 65}


def corpus(folders):
    """Files by kind, none so large that only its weights would be changed."""
    result = collections.defaultdict(list)
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in KINDS and path.is_file() and path.stat().st_size <= 1 << 20:
                result[{".hdf5": ".h5", ".pth": ".pt"}.get(path.suffix, path.suffix)].append(path)
    return result


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.runs = collections.Counter()
        self.faults = []
        self.slowest = 0.0
        self.largest = 0

    def add(self, kind, command, status, message, seconds, kib, faults):
        with self.lock:
            self.runs[kind, command, "files"] += 1
            self.runs[kind, command, "read" if status == 0 else "refused"] += 1
            for words, label in [("crashed the HDF5 library", "crash"), ("got no further", "hang"),
                                 ("does not hold", "bad answer"), ("memory", "memory")]:
                if words in message:
                    self.runs[kind, command, label] += 1
            self.slowest = max(self.slowest, seconds)
            self.largest = max(self.largest, kib)
            self.faults += faults


def run(rnn, arguments, folder):
    with open(folder / "errors", "wb+") as errors:
        begin = time.monotonic()
        process = subprocess.Popen([rnn, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        killer = threading.Timer(6 * LIMIT_SECONDS, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
        seconds = time.monotonic() - begin
        errors.seek(0)
        message = errors.read(1 << 16).decode(errors="replace")
    return process.returncode, message, seconds, usage


def check(rnn, path, name, kind, folder, counts, keep):
    output = folder / "output.rnn"
    for command, arguments in [("inspect", [str(path)]), ("convert", [str(path), str(output)])]:
        status, message, seconds, usage = run(rnn, [command, *arguments], folder)
        faults = []
        if status < 0:
            faults.append(f"ended by {signal.Signals(-status).name}")
        elif status not in STATUSES:
            faults.append(f"exit status {status}")
        # Where the machine is busy the clock runs on; the processor's time is what the limit is about.
        busy = usage.ru_utime + usage.ru_stime
        if min(seconds, max(busy, seconds / 4)) > LIMIT_SECONDS + SLACK_SECONDS:
            faults.append(f"took {seconds:.1f} s")
        if usage.ru_maxrss > LIMIT_KIB:
            faults.append(f"held {usage.ru_maxrss >> 10} MiB")
        lines = [line for line in message.splitlines() if not line.startswith("note: ")]
        if status != 0 and (len(lines) != 1 or not lines[0].startswith("rnn: ")):
            faults.append(f"{len(lines)} lines about the error")
        left = [entry.name for entry in folder.iterdir() if entry.name not in {"errors", "input" + path.suffix}]
        if status != 0 and left:
            faults.append(f"left {left}")
        for entry in left:
            (folder / entry).unlink()
        if faults and keep:
            (Path(keep) / name.replace("/", "_").replace(" ", "_")).write_bytes(path.read_bytes())
        counts.add(kind, command, status, message, seconds, usage.ru_maxrss,
                   [f"{name}: {command} {fault}: {message.strip()[:200]}" for fault in faults])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rnn", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--known", help="published hostile HDF5 files")
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", help="where files go that did what they may not")
    options = parser.parse_args()
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    files = corpus(options.corpus or [ROOT / "SampleModels", ROOT / "Tests"])
    kinds = sorted(files)
    known = sorted(Path(options.known).glob("*.h5")) if options.known and Path(options.known).is_dir() else []
    print(f"seed {options.seed}; from " + ", ".join(f"{len(files[kind])} {kind}" for kind in kinds), flush=True)
    counts = Counts()
    tasks = iter([("known", path) for path in known] + list(range(options.count)))
    lock = threading.Lock()

    def work():
        with tempfile.TemporaryDirectory(prefix="rnn-hostile-") as folder:
            folder = Path(folder)
            while True:
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                if isinstance(task, tuple):
                    kind, path = task
                    check(options.rnn, path, path.name, kind, folder, counts, options.keep)
                    continue
                source = random.Random(f"{options.seed}/{task}")
                kind = kinds[task % len(kinds)]
                original = source.choice(files[kind])
                data, words = mutate.mutated(original.read_bytes(), source)
                path = folder / ("input" + kind)
                path.write_bytes(data)
                check(options.rnn, path, f"{task} of {original.name} ({words[:120]})", kind, folder, counts, options.keep)
                path.unlink()

    threads = [threading.Thread(target=work) for _ in range(max(1, options.jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    labels = ["files", "read", "refused", "crash", "hang", "memory", "bad answer"]
    print(f"{'':9}{'':9}" + "".join(f"{label:>12}" for label in labels))
    for kind in (["known"] if known else []) + kinds:
        for command in ["inspect", "convert"]:
            row = "".join(f"{counts.runs[kind, command, label]:12}" for label in labels)
            print(f"{kind:9}{command:9}{row}")
    print(f"slowest {counts.slowest:.1f} s, largest {counts.largest >> 10} MiB, {len(counts.faults)} faults")
    for fault in counts.faults[:50]:
        print("  " + fault)
    return 1 if counts.faults else 0


if __name__ == "__main__":
    sys.exit(main())
