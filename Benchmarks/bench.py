"""Measures RNNKit and its peers in turn and writes RESULTS.md.

    python bench.py [--rounds N] [--seconds S] [--only TEXT] [--threads 1 2] [--output FILE]

Each contender has a process that lives as long as its row and is bound to the same processors. A round asks each in turn
to run for some tenths of a second. A figure is the best run of all rounds: other work on the machine can only add to it.
"""

import argparse
import collections
import dataclasses
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import numpy

from rows import MODEL_STEPS, MODELS, SEQUENCES, STEPS

FOLDER = pathlib.Path(__file__).resolve().parent
RNN = FOLDER.parent / ".build/release/rnn"
PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
# Outputs may differ from float64's by so much.
TOLERANCE = 1e-4


class Worker:
    """A process that answers lines with lines of JSON, on some processors."""

    def __init__(self, command, processors):
        count = str(len(processors))
        variables = {name: count for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | variables, preexec_fn=lambda: os.sched_setaffinity(0, processors))

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args} ended with status {self.process.wait()}")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, arguments, folder):
        self.rounds, self.seconds, self.only = arguments.rounds, arguments.seconds, arguments.only
        self.folder = folder
        self.errors = collections.defaultdict(float)
        self.refused = set()

    def wanted(self, rows):
        return [row for row in rows if self.only in row.title]

    def prepare(self, rows):
        with Worker([sys.executable, FOLDER / "peers.py", "torch", 1], os.sched_getaffinity(0)) as torch:
            for row in rows:
                torch.ask(do="prepare", row=dataclasses.asdict(row), folder=self.folder)
                path = f"{self.folder}/{row.name}"
                said = ("--forward", row.forward) if row.model else ()
                layout = ("--batch-first",) if row.model and not row.step else ()
                rnn("convert", path + ".pt", path + ".rnn", "--quiet", *said, *layout)
                rnn("run", path + ".rnn", "--input", path + ".x.npy", "--output", path + ".rnnkit.npy")
                self.check(row, "rnnkit")

    def check(self, row, name):
        path = f"{self.folder}/{row.name}"
        error = float(numpy.abs(numpy.load(f"{path}.{name}.npy") - numpy.load(f"{path}.expected.npy")).max())
        if not error <= TOLERANCE:
            raise SystemExit(f"{row.title}: {name} is off by {error}")
        self.errors[name] = max(self.errors[name], error)

    def ours(self, row, threads, processors, *options):
        size = ["--step"] if row.step else ["--batch", row.batch, "--steps", row.steps]
        command = [RNN, "bench", f"{self.folder}/{row.name}.rnn", "--paced", "--seconds", self.seconds, *size, *options]
        if threads > 1 and threads not in self.refused:
            probe = command + ["--threads", threads]
            if subprocess.run([str(part) for part in probe], input="", capture_output=True, text=True).returncode == 0:
                command = probe
            else:
                self.refused.add(threads)
        return Worker(command, processors)

    def measure(self, row, threads):
        """The answers of each contender, round by round."""
        processors = set(sorted(os.sched_getaffinity(0))[-threads:])
        contenders = {"rnnkit": self.ours(row, threads, processors)}
        if not row.step:
            contenders["whole"] = self.ours(row, threads, processors, "--whole")
        for name in PEERS:
            contenders[name] = Worker([sys.executable, FOLDER / "peers.py", name, threads], processors)
            contenders[name].ask(do="load", row=dataclasses.asdict(row), folder=self.folder)
            self.check(row, name)
        answers = collections.defaultdict(list)
        for _ in range(self.rounds):
            for name, worker in contenders.items():
                answers[name].append(worker.ask(do="measure", seconds=self.seconds))
        for worker in contenders.values():
            worker.__exit__()
        return answers


def rnn(*arguments):
    subprocess.run([str(RNN), *arguments], check=True, stderr=subprocess.DEVNULL)


class Result:
    """One row's figures."""

    def __init__(self, row, answers):
        self.row = row
        self.best = {name: min(answer["best_us"] for answer in given) for name, given in answers.items()}
        medians = {name: sorted(answer["median_us"] for answer in given) for name, given in answers.items()}
        self.median = {name: given[len(given) // 2] for name, given in medians.items()}
        self.bound = min(answers["rnnkit"], key=lambda answer: answer["bound_us"])

    def lead(self, times):
        return min(times[name] for name in PEERS) / times["rnnkit"]

    @property
    def limit(self):
        return f"{self.bound['bound_by']}, {short(self.bound['bound_us'])}"

    @property
    def fraction(self):
        return f"{100 * self.bound['bound_us'] / self.best['rnnkit']:.0f} %"


def short(value):
    """Three digits or more."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def table(heads, lines):
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, rule, *lines])


def peers(result):
    """Times of the peers, the best one in bold."""
    best = min(PEERS, key=result.best.get)
    return [f"**{short(result.best[name])}**" if name == best else short(result.best[name]) for name in PEERS]


def sequences(results):
    lines = [
        [
            result.row.title, *peers(result), short(result.best["rnnkit"]), f"{result.lead(result.best):.2f}",
            f"{result.lead(result.median):.2f}", result.row.wanted, result.limit, result.fraction,
            short(result.best["whole"]),
        ]
        for result in results
    ]
    heads = [
        "cell, input, hidden, layers, batch, steps", *PEERS.values(), "RNNKit", "lead", "by medians", "wanted",
        "bound by, µs", "reached", "memory anew",
    ]
    leads = [result.lead(result.best) for result in results]
    mean = math.exp(sum(map(math.log, leads)) / len(leads))
    behind = sum(lead < 1 for lead in leads)
    return table(heads, lines) + f"\n\nGeometric mean of the leads {mean:.2f}; rows behind the best peer: {behind}."


def steps(results):
    lines = [
        [
            result.row.title, *peers(result), short(result.best["rnnkit"]), f"{result.lead(result.best):.0f}",
            result.row.wanted, result.limit, result.fraction,
        ]
        for result in results
    ]
    heads = ["cell, input, hidden", *PEERS.values(), "RNNKit", "lead", "wanted", "bound by, µs", "reached"]
    return table(heads, lines)


def machine():
    facts = {}
    for line in subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout.splitlines():
        name, _, value = line.partition(":")
        facts[name.strip()] = value.strip()
    flags = facts.get("Flags", "").split()
    sets = [name for name in ("avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "amx_tile") if name in flags]
    family = f"family {facts.get('CPU family', '?')}, model {facts.get('Model', '?')}"
    lines = [f"- {facts.get('Model name', platform.processor())} ({family}), {facts.get('CPU(s)', '?')} processors; "
             f"{', '.join(sets)}"]
    caches = [f"{name[:-6]} {value}" for name, value in facts.items() if name.endswith(" cache") and name != "L1i cache"]
    lines.append(f"- caches: {'; '.join(caches)}")
    lines.append(f"- {platform.system()} {platform.release()}")
    return lines


def versions():
    from importlib.metadata import version

    ours = subprocess.run([str(RNN), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.partition(" (")[0]
    names = {"torch": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "numpy": "numpy"}
    return [f"- RNNKit {ours}, {swift}",
            "- " + ", ".join(f"{name} {version(package)}" for name, package in names.items())
            + f", Python {platform.python_version()}"]


HEAD = """# Benchmarks

Written by `make bench`. Times are microseconds for all steps of all sequences; each is the best run of {rounds} rounds, in
which the contenders were run in turn, {seconds} seconds each, on the same processors. Lead: the best peer's time over
RNNKit's. PyTorch is called as a module in inference mode, ONNX Runtime in the faster of its two ways, OpenVINO by an
infer request, all with float32. RNNKit runs in memory made beforehand (`Runner.run`), its state carried on; "memory
anew" is `Plan.run`, which makes input, state and results at each call.

"Bound by" is the least time that a limit of this machine allows, as `rnn bench` measures and counts it: arithmetic, the
caches that weights are read from, or the wait of each step for the one before it; "reached" is the share of that speed.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--only", default="", help="rows whose title contains this")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", default=FOLDER / "RESULTS.md", type=pathlib.Path)
    arguments = parser.parse_args()
    counts = [count for count in arguments.threads if count <= len(os.sched_getaffinity(0))]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, folder)
        bench.prepare(bench.wanted(SEQUENCES + MODELS + STEPS + MODEL_STEPS))
        parts = [HEAD.format(rounds=arguments.rounds, seconds=arguments.seconds), "\n".join(machine() + versions())]
        results = {}
        for threads in counts:
            found = [progress(Result(row, bench.measure(row, threads))) for row in bench.wanted(SEQUENCES + MODELS)]
            results[threads] = found
            parts.append(f"## {'One thread' if threads == 1 else f'{threads} threads'}")
            if threads in bench.refused:
                parts.append("RNNKit ran with one thread.")
            if found:
                parts.append(sequences(found))
            slower = [new.row.title for old, new in zip(results[counts[0]], found)
                      if new.best["rnnkit"] > 1.02 * old.best["rnnkit"]]
            if threads > counts[0] and threads not in bench.refused:
                parts.append(f"Slower than with {counts[0]}: {'; '.join(slower) or 'no row'}.")
        found = [progress(Result(row, bench.measure(row, 1))) for row in bench.wanted(STEPS + MODEL_STEPS)]
        if found:
            parts.append("## One step a call\n\nA cell has a linear layer of one output. The state is carried from call to call.")
            parts.append(steps(found))
        names = {"rnnkit": "RNNKit"} | PEERS
        parts.append("Largest differences from float64: "
                     + ", ".join(f"{name} {bench.errors[key]:.1e}" for key, name in names.items()) + ".")
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    arguments.output.write_text(text)
    print(text)


def progress(result):
    best = " ".join(f"{name} {short(time)}" for name, time in result.best.items())
    print(f"{result.row.title}: {best}; {result.limit}", file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    main()
