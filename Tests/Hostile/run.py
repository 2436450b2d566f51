"""Runs hostile files through `rnn inspect` and `rnn convert`: published ones, and model files changed by `mutate`.

The program must end by itself with status 0, 65, or 66 for a file that a model names and that is not there, in time,
within 1 GiB, with no more than one line about an error, and leave no output behind it. What does not hold is printed, the
file kept, and the exit status 1."""

import argparse
import collections
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import mutate

ROOT = Path(__file__).resolve().parents[2]
KINDS = [".h5", ".pt", ".onnx", ".keras", ".gz", ".tar"]
OTHER_NAMES = {".hdf5": ".h5", ".pth": ".pt", ".tgz": ".gz"}
# Folders of files that are refused as they are: changes of them reach little.
REFUSED = {"hostile", "refused", "Regressions"}
LIMIT_KIB = 1 << 20
STATUSES = {0, 65, 66}
# What an error says of the process that reads HDF5.
LABELS = [("crashed the HDF5 library", "crash"), ("got no further", "hang"), ("does not hold", "bad answer"),
          ("memory", "memory")]


def corpus(folders):
    """Files by kind, none so large that only its weights would be changed."""
    result = collections.defaultdict(list)
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            kind = OTHER_NAMES.get(path.suffix, path.suffix)
            if kind in KINDS and path.is_file() and path.stat().st_size <= 1 << 20 and not REFUSED & set(path.parts):
                result[kind].append(path)
    return result


def is_asleep(process):
    """Whether neither it nor a process it started works or waits for a processor."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        # The state follows the name, which is in parentheses.
        return all(Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] != "R" for one in [process, *children])
    except OSError:
        # One of them has just ended.
        return False


class Run:
    """One start of the program at a time, ended where it does not end by itself."""

    def __init__(self, rnn, folder, limit):
        self.rnn = rnn
        self.limit = limit
        self.errors = str(folder / "errors")
        self.process = None
        self.deadline = self.asleep = 0.0
        self.lock = threading.Lock()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        before = time.monotonic()
        while True:
            time.sleep(0.2)
            with self.lock:
                now = time.monotonic()
                if self.process is not None:
                    if is_asleep(self.process):
                        self.asleep += now - before
                    if now > self.deadline:
                        os.kill(self.process, signal.SIGKILL)
                before = now

    def __call__(self, arguments):
        """Exit status, what was said on standard error, seconds by the clock, those for which it worked or slept, and use
        of processor and memory. On a busy machine it may do neither for long."""
        begin = time.monotonic()
        process = os.posix_spawn(self.rnn, [self.rnn, *arguments], os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, self.errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
        with self.lock:
            self.process, self.deadline, self.asleep = process, begin + 12 * max(self.limit, 10), 0.0
        # It stays until it is waited for, so that nothing else can be ended in its place.
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        with self.lock:
            self.process = None
        _, status, usage = os.wait4(process, 0)
        seconds = time.monotonic() - begin
        busy = usage.ru_utime + usage.ru_stime
        own = max(busy, min(seconds, busy + self.asleep))
        with open(self.errors, "rb") as errors:
            message = errors.read(1 << 16).decode(errors="replace")
        return os.waitstatus_to_exitcode(status), message, seconds, own, usage


class Counts:
    def __init__(self):
        self.runs = collections.Counter()
        self.faults = []
        self.slowest = self.longest = self.busiest = 0.0
        self.largest = 0

    def merge(self, other):
        self.runs += other.runs
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)
        self.longest = max(self.longest, other.longest)
        self.busiest = max(self.busiest, other.busiest)
        self.largest = max(self.largest, other.largest)


def check(run, path, name, kind, folder, counts, keep):
    output = folder / "output.rnn"
    for command, arguments in [("inspect", [str(path)]), ("convert", [str(path), str(output)])]:
        status, message, seconds, own, usage = run([command, *arguments])
        faults = []
        if status < 0:
            faults.append(f"ended by {signal.Signals(-status).name}")
        elif status not in STATUSES:
            faults.append(f"exit status {status}")
        busy = usage.ru_utime + usage.ru_stime
        if own > run.limit:
            faults.append(f"took {own:.1f} s, {busy:.1f} s of them the processor's")
        if usage.ru_maxrss > LIMIT_KIB:
            faults.append(f"held {usage.ru_maxrss >> 10} MiB")
        lines = [line for line in message.splitlines() if not line.startswith("note: ")]
        if status != 0 and (len(lines) != 1 or not lines[0].startswith("rnn: ")):
            faults.append(f"{len(lines)} lines about the error")
        left = [entry.name for entry in os.scandir(folder) if entry.name not in {"errors", "input" + path.suffix}]
        if status != 0 and left:
            faults.append(f"left {left}")
        if status == 0 and command == "convert" and left != ["output.rnn"]:
            faults.append(f"wrote {left}")
        for entry in left:
            os.unlink(folder / entry)
        if faults and keep:
            kept = "".join(c if c.isalnum() or c in ".-" else "_" for c in name)[:80]
            shutil.copyfile(path, Path(keep) / (kept + path.suffix))
        counts.runs[kind, command, "files"] += 1
        counts.runs[kind, command, "read" if status == 0 else "refused"] += 1
        for words, label in LABELS:
            counts.runs[kind, command, label] += words in message
        counts.slowest = max(counts.slowest, seconds)
        counts.longest = max(counts.longest, own)
        counts.busiest = max(counts.busiest, busy)
        counts.largest = max(counts.largest, usage.ru_maxrss)
        counts.faults += [f"{name}: {command} {fault}: {message.strip()[:200]}" for fault in faults]


def collect(results, *arguments):
    counts = Counts()
    try:
        counts = work(*arguments)
    except Exception as error:
        counts.faults.append(f"the script failed: {error!r}")
        raise
    finally:
        results.put(counts)


def work(options, files, known, tasks):
    """Takes tasks until there are none, each the number of a mutated file, or of a known one counted down from -1."""
    counts = Counts()
    # Memory, where there is some: the program's own temporary files go there too.
    room = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rnn-hostile-", dir=room) as folder:
        folder = Path(folder)
        if room:
            os.environ["TMPDIR"] = room
        run = Run(options.rnn, folder, options.seconds)
        while True:
            with tasks.get_lock():
                task = tasks.value
                tasks.value += 1
            if task >= options.count:
                break
            if task < 0:
                check(run, known[task], known[task].name, "known", folder, counts, options.keep)
                continue
            if task % 1000 == 0 and task > 0 and options.progress:
                print(f"{task} of {options.count} files", file=sys.stderr, flush=True)
            source = random.Random(f"{options.seed}/{task}")
            kind = KINDS[task % len(KINDS)]
            original = source.choice(files[kind])
            data, words = mutate.mutated(original.read_bytes(), source)
            path = folder / ("input" + kind)
            path.write_bytes(data)
            check(run, path, f"{task} of {original.name} ({words[:120]})", kind, folder, counts, options.keep)
            path.unlink()
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rnn", required=True, type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=10, help="what a run may take")
    parser.add_argument("--known", help="published hostile HDF5 files")
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", help="where files go that did what they may not")
    parser.add_argument("--progress", action="store_true")
    options = parser.parse_args()
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    files = corpus(options.corpus or [ROOT / "SampleModels", ROOT / "Tests"])
    known = sorted(Path(options.known).glob("*.h5")) if options.known and Path(options.known).is_dir() else []
    print(f"seed {options.seed}; from " + ", ".join(f"{len(files[kind])} {kind}" for kind in KINDS), flush=True)

    tasks, results = multiprocessing.Value("q", -len(known)), multiprocessing.SimpleQueue()
    workers = [
        multiprocessing.Process(target=collect, args=(results, options, files, known, tasks))
        for _ in range(max(1, options.jobs))]
    begin = time.monotonic()
    for worker in workers:
        worker.start()
    counts = Counts()
    for _ in workers:
        counts.merge(results.get())
    for worker in workers:
        worker.join()

    labels = ["files", "read", "refused", "crash", "hang", "memory", "bad answer"]
    print(f"{'':9}{'':9}" + "".join(f"{label:>12}" for label in labels))
    for kind in (["known"] if known else []) + KINDS:
        for command in ["inspect", "convert"]:
            row = "".join(f"{counts.runs[kind, command, label]:12}" for label in labels)
            print(f"{kind:9}{command:9}{row}")
    runs = sum(count for (_, _, label), count in counts.runs.items() if label == "files")
    print(f"{runs} runs in {time.monotonic() - begin:.0f} s; slowest {counts.longest:.1f} s ({counts.slowest:.1f} s "
          f"with waiting for a processor), most processor time {counts.busiest:.1f} s, largest {counts.largest >> 10} MiB; {len(counts.faults)} faults")
    for fault in counts.faults[:50]:
        print("  " + fault)
    return 1 if counts.faults else 0


if __name__ == "__main__":
    sys.exit(main())
