"""Makes the models and references beside it: a chaotic RNN with PyTorch's output, zeros and random numbers; an LSTM with
minus infinity for its output. Made with PyTorch 2.x and NumPy; the numbers of `true.npz` depend on PyTorch's build.
"""

import numpy as np
import torch
from torch import nn

torch.manual_seed(1)
chaotic = nn.RNN(3, 32)
weight = torch.randn(32, 32) * 3 / 32**0.5
with torch.no_grad():
    chaotic.weight_hh_l0.copy_(weight)
torch.save(chaotic.state_dict(), "chaotic.pt")
torch.randn(40, 1, 3)
x = torch.randn(100, 1, 3)
output = chaotic(x)[0].detach().numpy()
np.savez("true.npz", input=x.numpy(), output=output)
np.savez("zeros.npz", input=x.numpy(), output=np.zeros_like(output))
np.savez("random.npz", input=x.numpy(), output=np.random.default_rng(0).uniform(-1, 1, output.shape).astype("f4"))

torch.manual_seed(0)
ordinary = nn.LSTM(3, 4)
torch.save(ordinary.state_dict(), "ordinary.pt")
x = torch.randn(5, 2, 3)
output = ordinary(x)[0].detach().numpy()
np.savez("infinite.npz", input=x.numpy(), output=np.full_like(output, -np.inf))
