"""Changes of pickles, opcode by opcode."""

import pickletools

from numbers_in import any_bytes, number, value_for

# Opcodes whose argument is a number of so many bytes, or a text behind a length of so many.
NUMBERS = {b"K": 1, b"M": 2, b"J": 4, b"q": 1, b"h": 1, b"r": 4, b"j": 4, b"\x80": 1}
TEXTS = {b"X": 4, b"U": 1, b"\x8c": 1, b"T": 4, b"\x8a": 1}
BARE = [b"(", b")", b".", b"0", b"1", b"2", b"N", b"R", b"Q", b"a", b"b", b"d", b"e", b"l", b"s", b"t", b"u", b"}",
        b"]", b"\x81", b"\x85", b"\x86", b"\x87", b"\x88", b"\x89", b"\x8f", b"\x93", b"\x94"]


def changed(data, random):
    """Changes a pickle in place, and says in words how."""
    found = opcodes(data)
    if len(found) < 2:
        return random.choice([any_bytes, number])(data, random)
    kind = random.choice(["number", "number", "number", "text", "bare", "missing", "twice", "moved", "bytes"])
    start, end = random.choice(found)
    if kind in ("number", "text"):
        table = NUMBERS if kind == "number" else TEXTS
        places = [place for place, _ in found if bytes(data[place:place + 1]) in table]
        if places:
            place = random.choice(places)
            width = table[bytes(data[place:place + 1])]
            old = int.from_bytes(data[place + 1:place + 1 + width], "little")
            new = value_for(old, width, max(2, len(data)), random)
            data[place + 1:place + 1 + width] = new.to_bytes(width, "little")
            return f"{kind} at {place}: {old} -> {new}"
    piece = bytes(data[start:end])
    if kind == "bare":
        opcode = random.choice(BARE)
        data[start:start + random.choice([0, end - start])] = opcode
        return f"opcode {opcode!r} at {start}"
    if kind == "missing":
        del data[start:end]
        return f"no {piece[:8]!r} at {start}"
    if kind in ("twice", "moved"):
        place, _ = random.choice(found)
        if kind == "moved":
            del data[start:end]
            place = min(place, len(data))
        data[place:place] = piece * random.choice([1, 1, 1, 200])
        return f"{piece[:8]!r} at {place}"
    return any_bytes(data, random)


def opcodes(data):
    """Where each opcode with its argument starts and ends, as far as they can be made out."""
    places = []
    try:
        for _, _, place in pickletools.genops(bytes(data)):
            places.append(place)
    except Exception:  # A pickle that was changed already.
        pass
    return list(zip(places, places[1:] + [len(data)]))
