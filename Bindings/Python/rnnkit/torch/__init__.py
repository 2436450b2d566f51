"""Models from PyTorch, exactly, and back.

    rnnkit.torch.save(module, "model.rnn", example=x)
    module = rnnkit.torch.load("model.rnn")
"""

from ._load import Module, load
from ._save import save

__all__ = ["Module", "load", "save"]
