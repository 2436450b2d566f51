"""Changes of bytes and of the numbers in them."""

INTERESTING = [0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
               1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def any_bytes(data, random):
    places = [random.randrange(len(data)) for _ in range(random.randint(1, 8))]
    for place in places:
        data[place] = random.randrange(256)
    return "bytes at " + ", ".join(map(str, places))


def value_for(old, size, length, random):
    """A number for another of so many bytes, in a file of that length: a limit, a neighbour, a multiple, an offset."""
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


def find_all(data, signature):
    found, start = [], 0
    while (start := data.find(signature, start)) >= 0 and len(found) < 4096:
        found.append(start)
        start += 4
    return found
