"""Prints what torch.load finds in a file, and loads it into the model that its names ask for.

python3 load_torch.py FILE [--module] : dtype, shape and bytes of every tensor; with --module, the state_dict must load
strictly into LSTM(3, 2, 2, bidirectional) and Linear(4, 1), and "strict" is printed.
"""

import sys

import torch

state = torch.load(sys.argv[1], weights_only=True)
if "--module" in sys.argv:
    module = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(3, 2, 2, bidirectional=True), "fc": torch.nn.Linear(4, 1)})
    module.load_state_dict(state, strict=True)
    assert all(torch.equal(v, module.state_dict()[k]) for k, v in state.items())
    print("strict")
else:
    print(type(state).__name__)
    for name, tensor in state.items():
        flat = torch.empty(tensor.numel(), dtype=tensor.dtype).copy_(tensor.reshape(-1))
        data = flat.view(torch.uint8).numpy().tobytes().hex()
        print(name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), data)
