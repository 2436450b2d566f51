"""Changes of HDF5 files: structures by their signatures, the messages of object headers, and addresses among them.
Checksums are put right again. "HDF5 File Format Specification Version 3.0" names the parts."""

import struct

from numbers_in import any_bytes, find_all, set_number

MAGIC = b"\x89HDF\r\n\x1a\n"
SIGNATURES = [b"OHDR", b"OCHK", b"TREE", b"HEAP", b"SNOD", b"GCOL", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"BTIN",
              b"BTLF", b"FSHD", b"FSSE", b"SMTB", b"EAHD", b"FAHD", b"FADB"]
REACH = {MAGIC: 100, b"OHDR": 400, b"GCOL": 200}
# Dataspace, link info, datatype, fill values, link, layout, filters, attribute, continuation, symbol table and attribute
# info.
TELLING = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0B, 0x0C, 0x10, 0x11, 0x15}


def changed(data, random):
    """Changes a file in place, and says in words how."""
    change = random.choice([message, message, message, message_swap, field, field, swap, any_bytes])
    words = change(data, random)
    checksums(data)
    return words


def structures(data):
    result = [(0, MAGIC)]
    for signature in SIGNATURES:
        result += [(place, signature) for place in find_all(data, signature)]
    return result


def field(data, random):
    found = structures(data)
    kind = random.choice(sorted({signature for _, signature in found}))
    place = random.choice([place for place, signature in found if signature == kind])
    words = set_number(
        data, place + len(kind) + random.randrange(REACH.get(kind, 160)), random.choice([1, 1, 2, 4, 8]), random)
    return f"{kind!r} {words}"


def swap(data, random):
    """An address or size of one structure put where another's was."""
    places = [place for place, _ in structures(data)]
    source, target = random.choice(places), random.choice(places)
    source = min(source + 4 + random.randrange(160), len(data) - 8)
    target = min(target + 4 + random.randrange(160), len(data) - 8)
    value = random.choice([bytes(data[source:source + 8]), random.choice(places).to_bytes(8, "little")])
    data[target:target + 8] = value
    return f"8 bytes at {target}: {value.hex()}"


def message(data, random):
    """A message's type, size or flags, or a number in what it says."""
    found = messages(data)
    if not found:
        return field(data, random)
    telling = [one for one in found if one[0] in TELLING] or found
    kind = random.choice(sorted({one[0] for one in telling}))
    kind, prefix, start, size = random.choice([one for one in telling if one[0] == kind])
    if size == 0 or random.random() < 0.2:
        place, width = random.choice(prefix)
    else:
        width = random.choice([1, 1, 2, 4, 8])
        place = start + random.randrange(min(size, 96))
        # Sizes and addresses stand at multiples of their own.
        if random.random() < 0.6:
            place -= (place - start) % width
    return f"message {kind:#x} " + set_number(data, place, width, random)


def message_swap(data, random):
    """What one message says put where another's was: a datatype for a layout, one dataset's shape for another's."""
    found = [one for one in messages(data) if one[0] in TELLING and one[3] > 0]
    if len(found) < 2:
        return field(data, random)
    source, target = random.choice(found), random.choice(found)
    if random.random() < 0.6:
        source = random.choice([one for one in found if one[0] == target[0]])
    count = min(source[3], target[3])
    data[target[2]:target[2] + count] = data[source[2]:source[2] + count]
    return f"message {target[0]:#x} at {target[2]} from {source[0]:#x} at {source[2]}"


def messages(data):
    """The messages of all object headers: type, the places and widths of type, size and flags, start and size."""
    result = []
    for place in first_version_headers(data):
        if place + 16 > len(data) or data[place] != 1:
            continue
        size, = struct.unpack_from("<I", data, place + 8)
        first_version_block(data, place + 16, size, result, 0)
    for place in find_all(data, b"OHDR"):
        start, width, tracked = second_version(data, place)
        if start is None:
            continue
        end = min(start + width, len(data))
        head = 6 if tracked else 4
        while start + head <= end:
            size, = struct.unpack_from("<H", data, start + 1)
            if start + head + size > end:
                break
            result.append((data[start], [(start, 1), (start + 1, 2), (start + 3, 1)], start + head, size))
            start += head + size
    return result


def first_version_block(data, start, size, result, depth):
    end = min(start + size, len(data))
    while start + 8 <= end and len(result) < 4096:
        kind, size = struct.unpack_from("<HH", data, start)
        if start + 8 + size > end:
            return
        result.append((kind, [(start, 2), (start + 2, 2), (start + 4, 1)], start + 8, size))
        if kind == 0x10 and size >= 16 and depth < 8:
            offset, length = struct.unpack_from("<QQ", data, start + 8)
            if offset + length <= len(data):
                first_version_block(data, offset, length, result, depth + 1)
        start += 8 + size


def first_version_headers(data):
    """Where headers are that have no signature: the symbol tables tell."""
    places = set()
    if len(data) > 96 and data[8] in (0, 1):
        places.add(struct.unpack_from("<Q", data, 64 + (4 if data[8] == 1 else 0))[0])
    for node in find_all(data, b"SNOD"):
        if node + 8 > len(data):
            continue
        for index in range(struct.unpack_from("<H", data, node + 6)[0]):
            entry = node + 8 + 40 * index
            if entry + 16 > len(data):
                break
            places.add(struct.unpack_from("<Q", data, entry + 8)[0])
    return sorted(place for place in places if place < len(data))


def second_version(data, place):
    """Where a header's messages start, their size, and whether each has its order of creation."""
    if place + 8 > len(data) or data[place + 4] != 2:
        return None, 0, False
    flags = data[place + 5]
    start = place + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    return start + width, int.from_bytes(data[start:start + width], "little"), bool(flags & 0x04)


def checksums(data):
    if len(data) > 48 and data[8] in (2, 3):
        data[44:48] = lookup3(data[0:44]).to_bytes(4, "little")
    for place in find_all(data, b"OHDR"):
        start, size, _ = second_version(data, place)
        if start is None or size >= 1 << 14:
            continue
        end = start + size
        if end + 4 <= len(data):
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
