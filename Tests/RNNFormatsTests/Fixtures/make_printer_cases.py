"""Writes tensor_printer.json: tensors' bytes, and the text that PyTorch's print gives for them.

Made with torch 2.15.0. Run: python make_printer_cases.py
"""

import json
import math
import pathlib

import torch

torch.manual_seed(5)
inf, nan = math.inf, math.nan
tensors = {
    "scalar": torch.tensor(3.14159),
    "scalar whole": torch.tensor(3.0),
    "scalar int": torch.tensor(-7),
    "scalar bool": torch.tensor(True),
    "tutorial": torch.arange(1, 25).reshape(4, 2, 3) / 10,
    "vector": torch.tensor([0.1, 0.25, -3.0]),
    "whole": torch.tensor([1.0, 2.0, -30.0]),
    "whole with nan": torch.tensor([1.0, nan, inf, -inf]),
    "zeros": torch.zeros(30),
    "many zeros": torch.zeros(2, 40),
    "negative zero": torch.tensor([-0.0, 0.0]),
    "only nan": torch.tensor([nan, -nan]),
    "fractions with nan": torch.tensor([0.5, nan, -inf, inf]),
    "scientific range": torch.tensor([1e-3, 2.0]),
    "range of exactly 1000": torch.tensor([0.5, 500.0]),
    "scientific small": torch.tensor([9e-5, 1e-4]),
    "scientific large": torch.tensor([2e8, 1.5e8]),
    "scientific whole": torch.tensor([1.0, 2000.0, 0.0, nan]),
    "large whole": torch.tensor([1e8, 99999999.0]),
    "subnormal": torch.tensor([1e-45, -1e-40]),
    "huge": torch.tensor([3.4e38, -3.4e38]),
    "float64": torch.tensor([[0.1, -0.2], [1e-300, 1e300]], dtype=torch.float64),
    "float64 half-way digits": torch.tensor([0.00005, 0.00015, 0.12345, 2.5], dtype=torch.float64),
    "float64 suffix wraps": torch.arange(10, dtype=torch.float64) / 7,
    "float16": torch.tensor([0.1, 65504.0, 6e-8], dtype=torch.float16),
    "float16 plain": torch.tensor([0.1, 0.2], dtype=torch.float16),
    "bfloat16": torch.tensor([[0.1, 0.2], [-3.0, 4.0]], dtype=torch.bfloat16),
    "float8_e4m3fn": torch.tensor([0.1, 448.0, -2.0, 0.002, nan]).to(torch.float8_e4m3fn),
    "float8_e5m2": torch.tensor([0.1, 57344.0, -2.0, inf, 2e-5]).to(torch.float8_e5m2),
    "float8_e4m3fn all": torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn),
    "float8_e5m2 all": torch.arange(256, dtype=torch.uint8).view(torch.float8_e5m2),
    "int64": torch.tensor([[1, -20], [300, 4]]),
    "int64 extremes": torch.tensor([2**63 - 1, -(2**63)]),
    "int32": torch.tensor([1, 2], dtype=torch.int32),
    "int16": torch.tensor([-300, 2], dtype=torch.int16),
    "int8": torch.tensor([-128, 127], dtype=torch.int8),
    "uint8": torch.arange(40, dtype=torch.uint8),
    "uint16": torch.tensor([65535, 1], dtype=torch.uint16),
    "uint32": torch.tensor([2**32 - 1, 1], dtype=torch.uint32),
    "uint64": torch.tensor([2**63 - 1, 1], dtype=torch.uint64),
    "bool": torch.tensor([[True, False], [False, False]]),
    "bool false": torch.tensor([False]),
    "complex64": torch.tensor([1 + 2j, -0.5 - 3j]),
    "complex64 nan": torch.tensor([complex(nan, nan), complex(1, -0.0)]),
    "complex128": torch.tensor([[1.5 + 2j] * 9], dtype=torch.complex128),
    "complex scalar": torch.tensor(1 - 2j),
    "empty": torch.zeros(0),
    "empty matrix": torch.zeros(0, 3),
    "empty int": torch.zeros(0, dtype=torch.int64),
    "empty float64 matrix": torch.zeros(2, 0, dtype=torch.float64),
    "empty bool": torch.zeros(1, 0, 4, dtype=torch.bool),
    "line breaks": torch.randn(25),
    "line breaks in a matrix": torch.randn(2, 17),
    "rank 4": torch.randn(2, 2, 2, 2),
    "rank 5": torch.randn(1, 2, 1, 2, 3),
    "1000 elements": torch.randn(100, 10),
    "1001 elements": torch.randn(1001),
    "1001 elements, shortened by columns": torch.randn(7, 143),
    "shortened rank 3": torch.randn(11, 8, 12),
    "shortened int": torch.arange(1200).reshape(6, 200),
    "shortened float64": torch.arange(1100, dtype=torch.float64) / 3,
    "shortened hides a large one": torch.cat([torch.rand(500) + 0.1, torch.tensor([1e9]), torch.rand(600) + 0.1]),
    "shortened bool": torch.arange(1300).reshape(13, 100) % 3 == 0,
    "shortened complex": torch.randn(2, 600, dtype=torch.complex64),
}

cases = []
for name, tensor in tensors.items():
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    cases.append(
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "bytes": data.hex(),
            "text": str(tensor),
        }
    )
path = pathlib.Path(__file__).with_name("tensor_printer.json")
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
