"""Changes of protobuf messages: numbers and lengths where they stand, and fields of a message that is then put together
again, so that the lengths around them are right."""

from numbers_in import any_bytes, number, value_for


def changed(data, random):
    """Changes a message in place, and says in words how."""
    change = random.choice([varint_changed, field_changed, field_changed, field_changed, any_bytes])
    return change(data, random)


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


def encoded(value):
    result = bytearray()
    while True:
        result.append((value & 0x7F) | (0x80 if value >> 7 else 0))
        value >>= 7
        if not value:
            return bytes(result)


def fields(data, depth=0):
    """A message as a list of [number, wire type, value], where a value may be such a list. None where it is none."""
    result, place = [], 0
    while place < len(data):
        key, place = varint(data, place)
        if key is None or key >> 3 == 0 or place > len(data):
            return None
        wire = key & 7
        if wire == 0:
            value, place = varint(data, place)
            if value is None:
                return None
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            value, place = bytes(data[place:place + width]), place + width
        elif wire == 2:
            length, place = varint(data, place)
            if length is None or place + length > len(data):
                return None
            value, place = bytes(data[place:place + length]), place + length
            # Text that happens to be a message is taken for one, and comes out the same.
            if depth < 8 and 0 < length < 1 << 16:
                value = fields(value, depth + 1) or value
        else:
            return None
        if place > len(data):
            return None
        result.append([key >> 3, wire, value])
    return result


def joined(message):
    result = bytearray()
    for field, wire, value in message:
        if isinstance(value, list):
            value = joined(value)
        result += encoded(field << 3 | wire)
        if wire == 0:
            result += encoded(value)
        else:
            result += encoded(len(value)) + value if wire == 2 else value
    return bytes(result)


def messages(message, found):
    found.append(message)
    for _, _, value in message:
        if isinstance(value, list):
            messages(value, found)
    return found


def field_changed(data, random):
    """A field with another value, another number, missing, twice, or from elsewhere in the message."""
    message = fields(data)
    if not message:
        return number(data, random)
    found = messages(message, [])
    inside = random.choice(found)
    index = random.randrange(len(inside))
    field, wire, value = inside[index]
    kind = random.choice(["value", "value", "value", "number", "missing", "twice", "other"])
    if kind == "value":
        if wire == 0:
            inside[index][2] = value_for(value, 8, max(2, len(data)), random)
        elif isinstance(value, list):
            inside[index][2] = random.choice(found) if random.random() < 0.3 else list(reversed(value))
        elif value:
            text = bytearray(value)
            any_bytes(text, random)
            inside[index][2] = bytes(random.choice([text, value[:-1], value * 2, value[:len(value) // 2], b""]))
    elif kind == "number":
        inside[index][0] = random.choice([max(1, field + random.choice([-1, 1])), random.randrange(1, 40)])
    elif kind == "missing":
        del inside[index]
    elif kind == "twice":
        inside[index:index] = [inside[index]] * random.choice([1, 1, 50])
    else:
        other = random.choice(found)
        if not other:
            return number(data, random)
        inside[index] = list(random.choice(other))
    # A message put into itself has no end.
    try:
        result = joined(message)
    except RecursionError:
        return number(data, random)
    if len(result) > 1 << 22:
        return number(data, random)
    data[:] = result
    return f"field {field}: {kind}"


def varint_changed(data, random):
    """A key, number or length, and nothing that depends on it."""
    found = []
    numbers(data, 0, len(data), 0, found)
    if not found:
        return number(data, random)
    start, end = random.choice(found)
    old, _ = varint(data, start)
    new = value_for(old or 0, 8, max(2, len(data)), random)
    if random.random() < 0.5:
        new %= 1 << (7 * (end - start))
    data[start:end] = encoded(new)
    return f"varint at {start}: {old} -> {new}"


def numbers(data, start, end, depth, found):
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
                if not numbers(data, body, body + length, depth + 1, found):
                    del found[before:]
            place = body + length
        else:
            return False
    return place == end
