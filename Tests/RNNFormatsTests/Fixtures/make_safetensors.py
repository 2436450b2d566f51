"""Writes the safetensors files that the tests read.

Made with safetensors 0.8.0 and torch 2.15.0. Run: python make_safetensors.py
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
types = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn,
    torch.float8_e5m2,
]
tensors = {str(dtype).removeprefix("torch."): torch.tensor([[0, 1, 2]]).to(dtype) for dtype in types}
tensors["empty"] = torch.zeros(0, 3)
tensors["scalar"] = torch.tensor(1.5)
save_file(tensors, here / "types.safetensors", metadata={"format": "pt"})


def shard(folder, shards, metadata):
    """Several files and their index, as transformers writes them."""
    folder.mkdir(exist_ok=True)
    for name, content in shards.items():
        save_file(content, folder / name, metadata={"format": "pt"})
    weight_map = {tensor: name for name, content in shards.items() for tensor in content}
    size = sum(t.numel() * t.element_size() for content in shards.values() for t in content.values())
    index = {"metadata": {"total_size": size} | metadata, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
shard(here, {
    FIRST: {"fc.weight": torch.tensor([[1.0, 2.0]]), "fc.bias": torch.tensor([3.0])},
    SECOND: {"scale": torch.tensor([4.0])},
}, {"author": "nobody"})

torch.manual_seed(5)
model = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(3, 4, 2), "fc": torch.nn.Linear(4, 2)})
state = model.state_dict()
shard(here / "sharded", {
    FIRST: {k: v for k, v in state.items() if "l1" not in k}, SECOND: {k: v for k, v in state.items() if "l1" in k},
}, {})
