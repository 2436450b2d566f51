"""Changes archives of files: a gzip file's contents or its own bytes, a tar's headers with their checksums put right."""

import gzip
import zlib


def changed(data, random):
    return in_gzip(data, random) if data[:2] == b"\x1f\x8b" else in_tar(data, random)


def in_gzip(data, random):
    try:
        inner = bytearray(gzip.decompress(bytes(data)))
    except (OSError, EOFError, zlib.error):
        inner = bytearray()
    if len(inner) < 512 or random.random() < 0.3:
        at = random.randrange(len(data))
        data[at] ^= 1 << random.randrange(8)
        return f"bit of the gzip file at {at}"
    word = in_tar(inner, random)
    data[:] = gzip.compress(bytes(inner), mtime=0) + (gzip.compress(b"", mtime=0) if random.random() < 0.2 else b"")
    return "in gzip: " + word


def in_tar(data, random):
    starts = headers(data)
    if not starts or random.random() < 0.2:
        at = random.randrange(len(data))
        data[at] = random.randrange(256)
        return f"byte {at}"
    at = random.choice(starts)
    field, size = random.choice([(0, 100), (124, 12), (124, 12), (156, 1), (257, 6), (345, 155)])
    if field == 124:
        value = random.choice([b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"00000000000\0",
                               b"%011o\0" % random.randrange(1 << 20)])
    elif field == 156:
        value = bytes([random.choice(b"0157xgLKSV\0")])
    else:
        value = random.choice([b"../x", b"/x", b"\xff" * size, b"", b"a" * size])[:size].ljust(size, b"\0")
    data[at + field:at + field + size] = value
    data[at + 148:at + 156] = b" " * 8
    data[at + 148:at + 156] = b"%06o\0 " % sum(data[at:at + 512])
    return f"tar header at {at}, field {field}"


def headers(data):
    found, at = [], 0
    while at + 512 <= len(data) and data[at]:
        found.append(at)
        try:
            size = int(bytes(data[at + 124:at + 135]), 8)
        except ValueError:
            break
        if size < 0:
            break
        at += 512 + (size + 511) // 512 * 512
    return found
