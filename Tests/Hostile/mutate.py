"""Changes model files where it hurts: lengths, offsets, counts and addresses, with checksums put right again, so that a
change reaches the code behind them. Plain bytes too. The same seed always makes the same file."""

import struct
import zlib

INTERESTING = [0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
               1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HDF5_SIGNATURES = [b"OHDR", b"OCHK", b"TREE", b"HEAP", b"SNOD", b"GCOL", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"BTIN",
                   b"BTLF", b"FSHD", b"FSSE", b"SMTB", b"EAHD", b"FAHD", b"FADB"]


def mutated(data, random):
    """A changed copy of a file's bytes, and words for what was changed."""
    data = bytearray(data)
    if len(data) < 8:
        return bytes(data) + b"\0", "a byte added"
    words = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        if data.startswith(HDF5_MAGIC):
            change = random.choice([hdf5_field, hdf5_field, hdf5_field, hdf5_swap, any_bytes])
        elif data.startswith(b"PK"):
            change = random.choice([zip_field, zip_field, zip_member, zip_member, any_bytes])
        else:
            change = random.choice([protobuf_field, protobuf_field, number, any_bytes])
        words.append(change(data, random))
    if random.random() < 0.05 and len(data) > 16:
        cut = random.randrange(8, len(data))
        del data[cut:]
        words.append(f"cut at {cut}")
    return bytes(data), "; ".join(words)


def any_bytes(data, random):
    places = [random.randrange(len(data)) for _ in range(random.randint(1, 8))]
    for place in places:
        data[place] = random.randrange(256)
    return "bytes at " + ", ".join(map(str, places))


def value_for(old, size, length, random):
    kind = random.randrange(5)
    if kind == 0:
        new = random.choice(INTERESTING)
    elif kind == 1:
        new = old + random.choice([-8, -2, -1, 1, 2, 8])
    elif kind == 2:
        new = random.choice([old * 2, old // 2, old << 8, old << 16, ~old])
    elif kind == 3:
        new = random.choice([length, length - 1, length + 1, length - 8, length * 2, random.randrange(length)])
    else:
        new = random.getrandbits(8 * size)
    return new % (1 << (8 * size))


def set_number(data, place, size, random):
    place = max(0, min(place, len(data) - size))
    old = int.from_bytes(data[place:place + size], "little")
    new = value_for(old, size, len(data), random)
    data[place:place + size] = new.to_bytes(size, "little")
    return f"{size} bytes at {place}: {old} -> {new}"


def number(data, random):
    size = random.choice([1, 2, 4, 8])
    return set_number(data, random.randrange(max(1, min(len(data), 1 << 12))), size, random)


# HDF5: the structures' signatures, what stands right behind them, and the headers' checksums.

def find_all(data, signature):
    found, start = [], 0
    while (start := data.find(signature, start)) >= 0 and len(found) < 4096:
        found.append(start)
        start += 4
    return found


def hdf5_structures(data):
    result = [(0, HDF5_MAGIC)]
    for signature in HDF5_SIGNATURES:
        result += [(place, signature) for place in find_all(data, signature)]
    return result


def hdf5_field(data, random):
    structures = hdf5_structures(data)
    kind = random.choice(sorted({signature for _, signature in structures}))
    place = random.choice([place for place, signature in structures if signature == kind])
    reach = {HDF5_MAGIC: 100, b"OHDR": 400, b"GCOL": 200}.get(kind, 160)
    words = set_number(data, place + len(kind) + random.randrange(reach), random.choice([1, 1, 2, 4, 8]), random)
    hdf5_checksums(data)
    return f"{kind!r} {words}"


def hdf5_swap(data, random):
    """An address or size of one structure put where another's was."""
    structures = [place for place, _ in hdf5_structures(data)]
    source, target = random.choice(structures), random.choice(structures)
    source = min(source + 4 + random.randrange(160), len(data) - 8)
    target = min(target + 4 + random.randrange(160), len(data) - 8)
    address = random.choice(structures)
    value = random.choice([bytes(data[source:source + 8]), address.to_bytes(8, "little")])
    data[target:target + 8] = value
    hdf5_checksums(data)
    return f"8 bytes at {target}: {value.hex()}"


def hdf5_checksums(data):
    if len(data) > 48 and data[8] in (2, 3):
        data[44:48] = lookup3(data[0:44]).to_bytes(4, "little")
    for place in find_all(data, b"OHDR"):
        if place + 8 > len(data) or data[place + 4] != 2:
            continue
        flags = data[place + 5]
        start = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(data[start:start + width], "little")
        end = start + width + size
        if end + 4 <= len(data) and end - place < 1 << 14:
            data[end:end + 4] = lookup3(data[place:end]).to_bytes(4, "little")


def lookup3(key):
    """Bob Jenkins' hash, as HDF5 uses it."""
    mask = 0xFFFFFFFF

    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & mask

    length = len(key)
    a = b = c = (0xDEADBEEF + length) & mask
    place = 0
    while length - place > 12:
        x, y, z = struct.unpack_from("<III", key, place)
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        a = (a - c) & mask ^ rotate(c, 4); c = (c + b) & mask
        b = (b - a) & mask ^ rotate(a, 6); a = (a + c) & mask
        c = (c - b) & mask ^ rotate(b, 8); b = (b + a) & mask
        a = (a - c) & mask ^ rotate(c, 16); c = (c + b) & mask
        b = (b - a) & mask ^ rotate(a, 19); a = (a + c) & mask
        c = (c - b) & mask ^ rotate(b, 4); b = (b + a) & mask
        place += 12
    rest = bytes(key[place:])
    if not rest:
        return c
    x, y, z = struct.unpack("<III", rest + bytes(12 - len(rest)))
    a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
    c = ((c ^ b) - rotate(b, 14)) & mask
    a = ((a ^ c) - rotate(c, 11)) & mask
    b = ((b ^ a) - rotate(a, 25)) & mask
    c = ((c ^ b) - rotate(b, 16)) & mask
    a = ((a ^ c) - rotate(c, 4)) & mask
    b = ((b ^ a) - rotate(a, 14)) & mask
    return ((c ^ b) - rotate(b, 24)) & mask


# Zip: fields of the three kinds of record, and what members hold, with the checksums put right.

END, CENTRAL, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
ZIP_FIELDS = {
    END: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    CENTRAL: [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4), (42, 4)],
    LOCAL: [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\x06\x06": [(4, 8), (24, 8), (32, 8), (40, 8), (48, 8)],
    b"PK\x06\x07": [(4, 4), (8, 8), (16, 4)],
}


def zip_field(data, random):
    kinds = [(kind, places) for kind in ZIP_FIELDS if (places := find_all(data, kind))]
    if not kinds:
        return any_bytes(data, random)
    kind, places = random.choice(kinds)
    place = random.choice(places)
    offset, size = random.choice(ZIP_FIELDS[kind])
    return f"{kind[2:].hex()} " + set_number(data, place + offset, size, random)


def zip_member(data, random):
    """Changes a stored member, and its checksum in both places."""
    members = []
    for place in find_all(data, CENTRAL):
        if place + 46 > len(data):
            continue
        method, _, _, _, size, _, name_length = struct.unpack_from("<HHHIIIH", data, place + 10)
        local, = struct.unpack_from("<I", data, place + 42)
        if method == 0 and size > 0 and local + 30 <= len(data) and data[local:local + 4] == LOCAL:
            start = local + 30 + sum(struct.unpack_from("<HH", data, local + 26))
            if start + size <= len(data):
                name = bytes(data[place + 46:place + 46 + name_length])
                members.append((place, local, start, size, name))
    if not members:
        return zip_field(data, random)
    # Members that are more than weights are the likelier ones.
    talking = [member for member in members if not member[4].split(b"/")[-1].isdigit()] or members
    place, local, start, size, name = random.choice(talking if random.random() < 0.8 else members)
    member = bytearray(data[start:start + size])
    if member.startswith(HDF5_MAGIC):
        words = hdf5_field(member, random)
    else:
        words = random.choice([any_bytes, number, number])(member, random)
    data[start:start + size] = member
    checksum = zlib.crc32(member)
    struct.pack_into("<I", data, place + 16, checksum)
    struct.pack_into("<I", data, local + 14, checksum)
    return f"{name.decode(errors='replace')}: {words}"


# ONNX: the lengths and numbers of protobuf's fields, however deep.

def varint(data, place):
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    return None, place


def protobuf_numbers(data, start, end, depth, found):
    """Places of all varints from start to end: keys, numbers, lengths."""
    place = start
    while place < end and len(found) < 20000:
        key, after = varint(data, place)
        if key is None or key >> 3 == 0 or after > end:
            return False
        found.append((place, after))
        wire = key & 7
        if wire == 0:
            _, next_place = varint(data, after)
            found.append((after, next_place))
            place = next_place
        elif wire == 1:
            place = after + 8
        elif wire == 5:
            place = after + 4
        elif wire == 2:
            length, body = varint(data, after)
            if length is None or body + length > end:
                return False
            found.append((after, body))
            if depth < 8 and 0 < length < 1 << 16:
                before = len(found)
                if not protobuf_numbers(data, body, body + length, depth + 1, found):
                    del found[before:]
            place = body + length
        else:
            return False
    return place == end


def protobuf_field(data, random):
    found = []
    protobuf_numbers(data, 0, len(data), 0, found)
    if not found:
        return number(data, random)
    start, end = random.choice(found)
    old, _ = varint(data, start)
    new = value_for(old or 0, 8, len(data), random)
    if random.random() < 0.5:
        new %= 1 << (7 * (end - start))
    encoded = bytearray()
    rest = new
    while True:
        encoded.append((rest & 0x7F) | (0x80 if rest >> 7 else 0))
        rest >>= 7
        if not rest:
            break
    data[start:end] = encoded
    return f"varint at {start}: {old} -> {new}"
