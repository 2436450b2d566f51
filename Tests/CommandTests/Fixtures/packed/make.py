"""Makes the files of PackedTests; the expected numbers are torch's. Made with torch 2.15.0+cu132, Python's tarfile, zipfile, gzip."""
import gzip
import io
import os
import tarfile
import zipfile
import numpy as np
import torch

nn = torch.nn
here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
torch.manual_seed(0)


def saved(o, **k):
    b = io.BytesIO(); torch.save(o, b, **k); return b.getvalue()


def zipped(name, members, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, "w", kind) as z:
        for n, b in members: z.writestr(n, b)


def tarred(name, members, mode="w", format=tarfile.PAX_FORMAT):
    with tarfile.open(name, mode, format=format) as t:
        for n, b in members:
            i = tarfile.TarInfo(n); i.size = len(b); t.addfile(i, io.BytesIO(b))


a, b = nn.LSTM(3, 5), nn.LSTM(3, 5)
x = torch.randn(7, 2, 3)
np.save("input.npy", x.numpy())
np.save("a.npy", a(x)[0].detach().numpy())
np.save("b.npy", b(x)[0].detach().numpy())
pa, pb = saved(a.state_dict()), saved(b.state_dict())
optimizer = torch.optim.Adam(a.parameters()); a(x)[0].sum().backward(); optimizer.step()
po, none = saved(optimizer.state_dict()), saved(None)
pab = saved({"gen": a.state_dict(), "dis": b.state_dict(), "epoch": 3})
a.load_state_dict(torch.load(io.BytesIO(pa)))
pab = saved({"gen": a.state_dict(), "dis": b.state_dict(), "epoch": 3})
open("two.pt", "wb").write(pab)
open("two_legacy.pt", "wb").write(saved({"gen": a.state_dict(), "dis": b.state_dict()}, _use_new_zipfile_serialization=False))
open("dotted.pt", "wb").write(saved({"a": {"b": a.state_dict()}, "a.b": b.state_dict()}))
open("with_optimizer.pt", "wb").write(saved({"model": a.state_dict(), "optimizer": optimizer.state_dict()}))
zipped("sb3.zip", [("data", "{}"), ("pytorch_variables.pth", none), ("policy.pth", pa), ("policy.optimizer.pth", po)])
zipped("several.zip", [("a.pt", pa), ("b.pt", pb)])
zipped("two.zip", [("m.pt", pab), ("readme.txt", b"no model")])
zipped("both.zip", [("m.pt", pab), ("a.pt", pa)])
zipped("nothing.zip", [("readme.txt", b"no model"), ("x.csv2", b"\x00\x01")])
tarred("m.tar", [("./deep/a.pt", pa), ("notes.txt", b"x")])
tarred("long.tar.gz", [("d" * 120 + "/" + "a.pt", pa)], "w:gz", tarfile.GNU_FORMAT)
tarred("pax.tgz", [("d" * 120 + "/é" * 60 + "/a.pt", pa)], "w:gz")
tarred("ustar.tar", [("d" * 120 + "/a.pt", pa)], format=tarfile.USTAR_FORMAT)
half = len(pa) // 2
open("members.pt.gz", "wb").write(gzip.compress(pa[:half], mtime=0) + gzip.compress(pa[half:], mtime=0) + b"\0" * 512)
inner = io.BytesIO()
with zipfile.ZipFile(inner, "w") as z: z.writestr("a.pt", pa)
zipped("nested.zip", [("inner.zip", inner.getvalue()), ("x.txt", b"x")])
bomb = b"\0" * 3_000_000
for _ in range(2): bomb = gzip.compress(bomb, mtime=0)
open("bomb.gz", "wb").write(bomb)
deep = pa
for _ in range(6): deep = gzip.compress(deep, mtime=0)
open("deep.gz", "wb").write(deep)
whole = gzip.compress(pa, mtime=0)
open("cut.gz", "wb").write(whole[:-30])
open("crc.gz", "wb").write(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
open("after.gz", "wb").write(whole + b"more")
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as t:
    i = tarfile.TarInfo("a.pt"); i.size = len(pa); t.addfile(i, io.BytesIO(pa))
tar = tar.getvalue()
open("cut.tar", "wb").write(tar[:1200])
open("checksum.tar", "wb").write(tar[:5] + b"q" + tar[6:])
tarred("up.tar", [("../a.pt", pa)])
tarred("twice.tar", [("a.pt", pa), ("a.pt", pb)])
with tarfile.open("link.tar", "w") as t:
    i = tarfile.TarInfo("a.pt"); i.type = tarfile.SYMTYPE; i.linkname = "../two.pt"; t.addfile(i)
