"""Writes tiny.rnn, the worked example of native.md, from nothing but that specification.

`encode` is a whole writer of native files: Python's standard library and xxhash.

    python make_tiny.py [FILE]
"""

import json
import os
import struct
import sys

import xxhash

MAGIC = bytes([0x89, 0x52, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A])
VERSION = 1


def encode(architecture, tensors, cases=(), metadata=None):
    """The bytes of a native file.

    tensors: a list of (name, dtype, shape, bytes). cases: a list of (name, tensors, metadata).
    """
    def entries(tensors):
        return [
            {"name": name, "dtype": dtype, "shape": list(shape), "offset": 0, "bytes": len(data),
             "xxh3": f"{xxhash.xxh3_64_intdigest(data):016x}"}
            for name, dtype, shape, data in tensors
        ]

    header = {"architecture": architecture, "tensors": entries(tensors)}
    if cases:
        header["cases"] = [
            {"name": name, "members": entries(members)} | ({"metadata": about} if about else {})
            for name, members, about in cases
        ]
    if metadata:
        header["metadata"] = metadata
    lines = header["tensors"] + [entry for case in header.get("cases", []) for entry in case["members"]]
    data = [tensor[3] for tensor in tensors] + [member[3] for _, members, _ in cases for member in members]

    # Offsets stand in the JSON and depend on its length: repeat until the length stays.
    length = -1
    while (text := as_json(header)) and len(text) != length:
        length = len(text)
        end = 40 + length
        for line in lines:
            line["offset"] = aligned(end)
            end = line["offset"] + line["bytes"]

    fixed = MAGIC + struct.pack("<IIQQ", VERSION, 0, length, end)
    result = fixed + struct.pack("<Q", xxhash.xxh3_64_intdigest(fixed + text)) + text
    for line, piece in zip(lines, data, strict=True):
        result += bytes(line["offset"] - len(result)) + piece
    return result


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def aligned(offset):
    return (offset + 63) // 64 * 64


def float32(*values):
    return struct.pack(f"<{len(values)}f", *values)


def tiny():
    """An RNN with ReLU whose numbers are all exact: each can be checked by hand.

    h_t = max(0, [1, 0.5] x_t + [[0.5, 0], [0.25, 0]] h_(t-1)), x = 1, 2, -4
    """
    architecture = {
        "batch_first": False,
        "forward": "rnn(x)",
        "modules": [
            {"type": "RNN", "name": "rnn", "input_size": 1, "hidden_size": 2, "num_layers": 1, "bias": False,
             "bidirectional": False, "nonlinearity": "relu"}
        ],
    }
    tensors = [
        ("rnn.weight_ih_l0", "float32", (2, 1), float32(1, 0.5)),
        ("rnn.weight_hh_l0", "float32", (2, 2), float32(0.5, 0, 0.25, 0)),
    ]
    members = [
        ("input", "float32", (3, 1, 1), float32(1, 2, -4)),
        ("output", "float32", (3, 1, 2), float32(1, 0.5, 2.5, 1.25, 0, 0)),
    ]
    return encode(architecture, tensors, [("by_hand", members, None)], {"made_by": "make_tiny.py"})


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny.rnn")
    with open(path, "wb") as file:
        file.write(tiny())
