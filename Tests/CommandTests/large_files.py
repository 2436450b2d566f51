"""Files for MemoryTests, and runs that are measured.

    large_files.py make NAME                            makes a case's files in the current folder
    large_files.py run FILE_SIZE PROGRAM ARGUMENTS…     prints exit status, MiB at most in memory, and standard error

Needs nothing but Python. Measured here because a small process is forked: what a child takes counts from there."""

import json
import os
import resource
import struct
import sys
import zipfile

FEATURES = 200_000


def npy_header(shape):
    text = str({"descr": "<f4", "fortran_order": False, "shape": shape})
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def sparse(path, head, size):
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + size)


def small_model():
    with open("small.json", "w") as file:
        json.dump({"weight_ih_l0": [[0.1, 0.2]], "weight_hh_l0": [[0.3]]}, file)


def wide_model():
    header, at = {}, 0
    for name, shape in [("weight_ih_l0", [1, FEATURES]), ("weight_hh_l0", [1, 1])]:
        size = 4 * shape[1]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    sparse("wide.safetensors", struct.pack("<Q", len(text)) + text, at)


def holey_zip(path, name, stored, count):
    """One deflated member, its `stored` bytes a hole in the file, sizes in 64 bits."""
    name = name.encode()
    sizes = struct.pack("<HHQQ", 1, 16, count, stored)
    fields = struct.pack("<HHHIII", 8, 0, 0x21, 0, 0xFFFFFFFF, 0xFFFFFFFF)
    local = b"PK\3\4" + struct.pack("<HH", 45, 0) + fields + struct.pack("<HH", len(name), len(sizes)) + name + sizes
    central = (b"PK\1\2" + struct.pack("<HHH", 45, 45, 0) + fields
               + struct.pack("<HHHHHII", len(name), len(sizes), 0, 0, 0, 0, 0) + name + sizes)
    at = len(local) + stored
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, len(central), at)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, at + len(central), 1)
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), 0xFFFFFFFF, 0)
    sparse(path, local, stored)
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(central + record + locator + end)


def packed_model(path, features):
    """An RNN of one unit and so many inputs, zeros; returns the CRC-32 of the input's weights."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, count in [("weight_ih_l0", features), ("weight_hh_l0", 1)]:
            with archive.open(name + ".npy", "w") as member:
                member.write(npy_header((1, count)))
                for at in range(0, 4 * count, 1 << 20):
                    member.write(bytes(min(1 << 20, 4 * count - at)))
        return archive.getinfo("weight_ih_l0.npy").CRC


def make(name):
    if name == "csv":
        small_model()
        with open("x.csv", "wb") as file:
            file.write(b"1,2\n" * 12_000_000)
    elif name == "json":
        small_model()
        with open("x.json", "wb") as file:
            file.write(b"[" + b"[1,2],\n" * 6_999_999 + b"[1,2]]")
    elif name in {"steps", "rows"}:
        wide_model()
        shape = (2000, FEATURES) if name == "steps" else (1, 2000, FEATURES)
        sparse("x.npy", npy_header(shape), 4 * 2000 * FEATURES)
    elif name == "sequences":
        # A thousand of them, and those again and again.
        weights = {"rnn.weight_ih_l0": [[0.01 * i] for i in range(40)], "rnn.weight_hh_l0": [[0.02] * 40] * 40}
        with open("model.json", "w") as file:
            json.dump(weights | {"fc.weight": [[0.1] * 40]}, file)
        for path, times in [("few.npy", 1), ("x.npy", 200)]:
            with open(path, "wb") as file:
                file.write(npy_header((16, 1000 * times, 1)))
                for step in range(16):
                    file.write(struct.pack("<1000f", *(0.001 * (i + step) for i in range(1000))) * times)
    elif name == "bomb":
        packed_model("bomb.npz", 1 << 26)
    elif name == "damaged":
        crc = packed_model("damaged.npz", 1 << 20)
        with open("damaged.npz", "rb") as file:
            text = file.read()
        with open("damaged.npz", "wb") as file:
            file.write(text.replace(struct.pack("<I", crc), struct.pack("<I", crc ^ 1)))
    elif name == "huge":
        # More than any disk has: what is stored is a hole.
        stored = 1 << 36
        holey_zip("huge.npz", "t.weight.npy", stored, stored * 1000)
    else:
        sys.exit(f"no case {name}")


def run(size, program, *arguments):
    with open("errors", "wb") as errors, open(os.devnull, "r+b") as null:
        process = os.fork()
        if process == 0:
            for number, file in enumerate([null, null, errors]):
                os.dup2(file.fileno(), number)
            if size:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            os.execv(program, [program, *arguments])
    _, status, usage = os.wait4(process, 0)
    with open("errors", "rb") as errors:
        said = b"".join(line for line in errors if not line.startswith(b"note: "))
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss >> 10, said.decode(), sep="\n", end="")


if __name__ == "__main__":
    make(sys.argv[2]) if sys.argv[1] == "make" else run(int(sys.argv[2]), *sys.argv[3:])
