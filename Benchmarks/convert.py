"""Measures how long large models take to convert to the native format and to load, and the memory they need.

    python convert.py [--size MIB] [--rounds N] [--folder DIR] [--output FILE]

A conversion, `cp` of the same file and `cp` with a flush of the copy run in turn; so do loading a native file and `cat`
of it. A conversion always flushes: when it says that it is done, the new file survives a power cut. `cp` does not.
Memory is measured in runs of its own, of `rnn` and of the process that it starts for HDF5: what is not backed by a file
(RssAnon and RssShmem of /proc/PID/status), and all that is resident, mapped files with it.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time
import zipfile

import h5py
import numpy
import torch

RNN = pathlib.Path(__file__).resolve().parent.parent / ".build/release/rnn"


def weights(mebibytes):
    """An LSTM of about that size, of numbers that deflate to about half."""
    hidden = 4096 if mebibytes >= 1024 else 512
    layers = max(1, mebibytes * 2**20 // (4 * hidden * 2 * hidden * 4))
    generator = numpy.random.default_rng(1)
    for layer in range(layers):
        for name, shape in (("weight_ih", (4 * hidden, hidden)), ("weight_hh", (4 * hidden, hidden)),
                            ("bias_ih", (4 * hidden,)), ("bias_hh", (4 * hidden,))):
            yield f"lstm.{name}_l{layer}", (generator.standard_normal(shape, numpy.float32) * 256).round() / 1024


def make(folder, mebibytes):
    """The same model in each format, none of them written by RNNKit."""
    state = dict(weights(mebibytes))
    torch.save({name: torch.from_numpy(value) for name, value in state.items()}, folder / "model.pt")
    with h5py.File(folder / "model.h5", "w") as file:
        for name, value in state.items():
            file[f"state_dict/{name}"] = value
    with h5py.File(folder / "gzip.h5", "w") as file:
        for name, value in state.items():
            file.create_dataset(f"state_dict/{name}", data=value, chunks=True, compression="gzip", compression_opts=1)
    numpy.savez(folder / "model.npz", **state)
    with zipfile.ZipFile(folder / "deflated.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, value in state.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                numpy.lib.format.write_array(member, value)
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


def seconds(*command):
    start = time.perf_counter()
    subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def status_of(pid):
    """A process' name, and its memory that is not backed by a file and all of it, in MiB. None where it has ended."""
    try:
        fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status").read().splitlines())
        sizes = [int(fields.get(name, "0 kB").split()[0]) / 1024 for name in ("RssAnon", "RssShmem", "VmRSS")]
        return fields["Name"].strip(), sizes[0] + sizes[1], sizes[2]
    except (OSError, KeyError, IndexError):
        return None


def memory(*command):
    """The most memory that a command, and what it starts, was seen to use: not backed by a file, and all, in MiB."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    most = {}
    while process.poll() is None:
        try:
            started = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        except OSError:
            started = []
        for status in filter(None, map(status_of, [process.pid, *started])):
            name, private, resident = status
            # Until exec the new process is this one's copy.
            if name.startswith("rnn"):
                before = most.get(name, (0, 0))
                most[name] = (max(before[0], private), max(before[1], resident))
        time.sleep(0.002)
    if process.wait() != 0:
        raise SystemExit(f"{command} ended with status {process.returncode}")
    return tuple(sum(values) for values in zip(*most.values()))


def conversion(folder, name, rounds):
    source, target, copy = folder / name, folder / "converted.rnn", folder / "copy"
    ours, theirs, flushed = [], [], []
    for _ in range(rounds):
        # Each writes a new file, whose pages are flushed before the next one starts.
        for path, times, command in (
            (copy, theirs, ["cp", source, copy]),
            (target, ours, [RNN, "convert", source, target, "--quiet"]),
            (copy, flushed, ["sh", "-c", f"cp '{source}' '{copy}' && sync '{copy}'"]),
        ):
            path.unlink(missing_ok=True)
            os.sync()
            times.append(seconds(*command))
    for path in (target, copy):
        path.unlink()
    return [statistics.median(times) for times in (ours, theirs, flushed)]


def loading(path, rounds):
    ours, theirs, packing = [], [], []
    for _ in range(rounds):
        theirs.append(seconds("sh", "-c", f"cat '{path}' > /dev/null"))
        result = subprocess.run(
            [str(RNN), "bench", str(path), "--step", "--seconds", "0.001", "--json"], capture_output=True, check=True)
        answer = json.loads(result.stdout)
        ours.append(answer["load_ms"] / 1000)
        packing.append(answer["pack_ms"] / 1000)
    return [statistics.median(times) for times in (ours, theirs, packing)]


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def file_system(folder):
    return subprocess.run(
        ["df", "--output=fstype", str(folder)], capture_output=True, text=True, check=True).stdout.split()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of weights")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--folder", default=None, help="where the files go, which want nine times that")
    parser.add_argument("--output", type=pathlib.Path, help="a Markdown file to write the results to")
    arguments = parser.parse_args()
    lines = []

    def say(line=""):
        print(line, flush=True)
        lines.append(line)

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = pathlib.Path(folder)
        make(folder, arguments.size)
        say("# Conversion and loading of large models")
        say()
        say(f"`make bench-convert`: an LSTM of {arguments.size} MiB. {processor()}, {os.cpu_count()} cores, Linux "
            f"{platform.release()}, {file_system(folder)}; PyTorch {torch.__version__}, h5py {h5py.__version__}, NumPy "
            f"{numpy.__version__}. Medians of {arguments.rounds} alternating runs, files in the page cache; load average "
            f"{os.getloadavg()[0]:.1f} at the start.")
        say()
        say("A conversion ends when the new file is on the disk and has its name; plain `cp` ends when the copy is in the "
            "page cache. The first ratio, against plain `cp`, is the one that is to stay under 1.5; the second is "
            "against `cp` and `sync` of the copy, which promises what a conversion does.")
        say()
        say("| to native from | s | cp, s | ratio | cp and sync, s | ratio |")
        say("| --- | ---: | ---: | ---: | ---: | ---: |")
        for name in ("model.pt", "model.h5", "model.safetensors"):
            ours, theirs, flushed = conversion(folder, name, arguments.rounds)
            say(f"| {name.split('.')[1]} | {ours:.2f} | {theirs:.2f} | **{ours / theirs:.2f}** | {flushed:.2f} | "
                f"{ours / flushed:.2f} |")
        say()
        native = folder / "model.rnn"
        subprocess.run([RNN, "convert", folder / "model.safetensors", native, "--quiet"], check=True)
        ours, theirs, packing = loading(native, arguments.rounds)
        say(f"Loading the native file, every checksum verified: {ours * 1000:.0f} ms; `cat` of it to nowhere "
            f"{theirs * 1000:.0f} ms; ratio **{ours / theirs:.2f}**, to stay under 1.3. Packing it for the kernels then "
            f"takes {packing:.2f} s.")
        say()
        say("Memory in MiB at its highest, of `rnn` and, for HDF5, of `rnn-hdf5` together:")
        say()
        say("| conversion | not backed by a file | all, mapped files included |")
        say("| --- | ---: | ---: |")
        for source, target, options, words in (
            ("model.pt", "rnn", [], ".pt to native"),
            ("model.h5", "rnn", [], "HDF5, contiguous, to native"),
            ("gzip.h5", "rnn", [], "HDF5, chunked and compressed, to native"),
            ("model.safetensors", "rnn", [], "safetensors to native"),
            ("model.npz", "rnn", [], "npz to native"),
            ("deflated.npz", "rnn", [], "npz, deflated, to native"),
            ("model.rnn", "pt", [], "native to .pt"),
            ("model.rnn", "h5", [], "native to HDF5"),
            ("model.rnn", "safetensors", [], "native to safetensors"),
            ("model.rnn", "npz", [], "native to npz"),
            ("model.rnn", "rnn", ["--dtype", "bf16"], "native to native, rounded to bfloat16"),
        ):
            path = folder / f"memory.{target}"
            private, resident = memory(RNN, "convert", folder / source, path, "--quiet", *options)
            path.unlink()
            say(f"| {words} | {private:.0f} | {resident:.0f} |")
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
