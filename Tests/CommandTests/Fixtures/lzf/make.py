# PyTorch 2.15.0 and h5py 3.16.0: a head, and a whole LSTM, compressed with h5py's own filter; what PyTorch gives for the input.
import torch
import torch.nn as nn
import numpy as np
torch.manual_seed(0)

import h5py
lstm,fc=nn.LSTM(3,5),nn.Linear(5,5); x=torch.randn(4,2,3)
with h5py.File('model.h5','w') as f:
    for k,v in lstm.state_dict().items(): f['lstm/'+k]=v.numpy()
    for k,v in fc.state_dict().items(): f.create_dataset('fc/'+k,data=v.numpy(),compression='lzf')   # h5py's own filter
with h5py.File('all_lzf.h5','w') as f:
    for k,v in lstm.state_dict().items(): f.create_dataset('lstm/'+k,data=v.numpy(),compression='lzf')
np.save('input.npy',x.numpy()); np.save('expected.npy',fc(lstm(x)[0]).detach().numpy())
