"""Measures how long large models take to convert to the native format and to load, and the memory they need.

    python convert.py [--size MIB] [--rounds N] [--folder DIR] [--output FILE]

A conversion and `cp` of the same file run in turn; so do loading a native file and `cat` of it. Memory is what is not
backed by a file (RssAnon and RssShmem of /proc/PID/status), looked at every few milliseconds.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy
import torch

RNN = pathlib.Path(__file__).resolve().parent.parent / ".build/release/rnn"


def make(folder, mebibytes):
    """The same LSTM of about that size in each format, none of them written by RNNKit."""
    hidden = 4096 if mebibytes >= 1024 else 512
    layers = max(1, mebibytes * 2**20 // (4 * hidden * 2 * hidden * 4))
    generator = numpy.random.default_rng(1)
    state = {}
    for layer in range(layers):
        for name, shape in (("weight_ih", (4 * hidden, hidden)), ("weight_hh", (4 * hidden, hidden)),
                            ("bias_ih", (4 * hidden,)), ("bias_hh", (4 * hidden,))):
            state[f"lstm.{name}_l{layer}"] = generator.standard_normal(shape, numpy.float32)
    torch.save({name: torch.from_numpy(value) for name, value in state.items()}, folder / "model.pt")
    with h5py.File(folder / "model.h5", "w") as file:
        for name, value in state.items():
            file[f"state_dict/{name}"] = value
    header, offset = {}, 0
    for name, value in state.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in state.values():
            file.write(value)
    return ["pt", "h5", "safetensors"]


def timed(*command):
    """Seconds of a command, and the most memory it was seen to use, in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    most = 0
    while process.poll() is None:
        try:
            lines = open(f"/proc/{process.pid}/status").read().splitlines()
        except OSError:
            break
        fields = dict(line.split(":", 1) for line in lines)
        most = max(most, sum(int(fields.get(name, "0 kB").split()[0]) for name in ("RssAnon", "RssShmem")))
        time.sleep(0.002)
    status = process.wait()
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{command[0]} ended with status {status}: {process.stderr.read().decode()}")
    return seconds, most / 1024


def conversion(folder, kind, rounds):
    source, target, copy = (folder / f"model.{kind}"), folder / "model.rnn", folder / "copy"
    ours, theirs, flushed, memory = [], [], [], []
    for _ in range(rounds):
        # Each writes a new file, whose pages are flushed before the next one starts.
        for path, times, command in (
            (copy, theirs, ["cp", source, copy]),
            (target, ours, [RNN, "convert", source, target, "--quiet"]),
            (copy, flushed, ["sh", "-c", f"cp '{source}' '{copy}' && sync '{copy}'"]),
        ):
            path.unlink(missing_ok=True)
            os.sync()
            seconds, peak = timed(*command)
            times.append(seconds)
            if times is ours:
                memory.append(peak)
    copy.unlink()
    return [statistics.median(times) for times in (ours, theirs, flushed)] + [max(memory)]


def loading(folder, rounds):
    path, ours, theirs, packing = folder / "model.rnn", [], [], []
    for _ in range(rounds):
        theirs.append(timed("sh", "-c", f"cat '{path}' > /dev/null")[0])
        result = subprocess.run(
            [str(RNN), "bench", str(path), "--step", "--seconds", "0.001", "--json"], capture_output=True, check=True)
        answer = json.loads(result.stdout)
        ours.append(answer["load_ms"] / 1000)
        packing.append(answer["pack_ms"] / 1000)
    return [statistics.median(times) for times in (ours, theirs, packing)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of weights")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default=None, help="where the files go, which want four times that")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = pathlib.Path(folder)
        kinds = make(folder, arguments.size)
        print("| to native from | s | cp, s | ratio | cp and flush, s | ratio | memory, MiB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for kind in kinds:
            ours, theirs, flushed, memory = conversion(folder, kind, arguments.rounds)
            print(f"| {kind} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {flushed:.2f} | {ours / flushed:.2f} | "
                  f"{memory:.0f} |", flush=True)
        ours, theirs, packing = loading(folder, arguments.rounds)
        print(f"\nLoading native: {ours:.2f} s, cat {theirs:.2f} s, ratio {ours / theirs:.2f}; then packing {packing:.2f} s")


if __name__ == "__main__":
    main()
