"""Measures how long a tiny model's run takes as a process, and what it would take if `rnn` were linked to libhdf5.

    python start.py [--rounds N] [--output FILE]

Every round starts each command once, in turn. The dynamic loader is told to load libhdf5 into `rnn` before it starts,
which costs what linking to it costs: the same libraries are found, mapped, relocated and initialised.
"""

import argparse
import os
import pathlib
import platform
import re
import statistics
import struct
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RNN = ROOT / ".build/release/rnn"


def linked_libraries(program):
    return re.findall(r"=> (/\S+)", subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout)


def write_input(path):
    """Five steps of two features as .npy, so that NumPy is not needed."""
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(5 * 2 * 4))


def milliseconds(command, environment):
    """Of a process from its start to its end, and of the processor's time that it took."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if status != 0:
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return elapsed * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--output", type=pathlib.Path, help="a Markdown file to write the results to")
    arguments = parser.parse_args()
    hdf5 = next(path for path in linked_libraries(RNN.with_name("rnn-hdf5")) if "libhdf5" in path)
    behind = len(set(linked_libraries(RNN.with_name("rnn-hdf5"))) - set(linked_libraries(RNN)))
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "x.npy"
        write_input(source)
        model = str(ROOT / "SampleModels/rnn_1_layer.rnn")
        run = [str(RNN), "run", model, "--input", str(source)]
        inspect = [str(RNN), "inspect", model]
        plain = {key: value for key, value in os.environ.items() if not key.startswith("LD_")}
        linked = plain | {"LD_PRELOAD": hdf5}
        commands = {
            "`rnn run`": (run, plain), "`rnn run`, libhdf5 linked": (run, linked),
            "`rnn inspect`": (inspect, plain), "`rnn inspect`, libhdf5 linked": (inspect, linked),
            "`true`, a process that does nothing": (["/bin/true"], plain),
        }
        times = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, (command, environment) in commands.items():
                times[name].append(milliseconds(command, environment))
    lines = [
        "# Start", "",
        "`make bench-start`: a model of 96 parameters, the whole process from its start to its end, in milliseconds; "
        "and the processor's time in it, which other work on the machine changes less.", "",
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; "
        f"{arguments.rounds} alternating rounds. libhdf5 brings {behind} shared libraries with it.", "",
        "| | median | best | processor, median |", "| --- | ---: | ---: | ---: |",
    ]
    for name, values in times.items():
        elapsed, processor = zip(*values)
        lines.append(f"| {name} | {statistics.median(elapsed):.1f} | {min(elapsed):.1f} | "
                     f"{statistics.median(processor):.1f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
