"""Changes model files where it hurts: lengths, offsets, counts and addresses, types and names, with checksums put right
again, so that a change reaches the code behind them. Plain bytes too. The same seed always makes the same file."""

import hdf5
import packed
import pickles
import protobuf
import texts
import zips


def mutated(data, random):
    """A changed copy of a file's bytes, and words for what was changed."""
    data = bytearray(data)
    if len(data) < 64:
        return bytes(data) + b"\0", "a byte added"
    words = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        if len(data) < 64:
            break
        words.append(change_for(data).changed(data, random))
    if random.random() < 0.05 and len(data) > 16:
        cut = random.randrange(8, len(data))
        del data[cut:]
        words.append(f"cut at {cut}")
    return bytes(data), "; ".join(words)


def change_for(data):
    if data.startswith(hdf5.MAGIC):
        return hdf5
    if data.startswith(b"PK"):
        return zips
    if data[:2] == b"\x1f\x8b" or data[257:262] == b"ustar":
        return packed
    if data[:1] == b"\x80":
        return pickles
    return texts if data[:1] in (b"{", b"[") else protobuf
