"""Changes of JSON texts: numbers, words, brackets."""

import re

from numbers_in import any_bytes

NUMBERS = [b"0", b"-1", b"1", b"2", b"16", b"65536", b"2147483648", b"9223372036854775807", b"9223372036854775808",
           b"1e999", b"0.5", b"null", b"true", b"[]", b"{}", b'"x"', b"[1,2,3]"]


def changed(data, random):
    """Changes a text in place, and says in words how."""
    kind = random.choice(["number", "number", "string", "string", "bracket", "bytes"])
    pattern = {"number": rb"-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null", "string": rb'"[^"]*"',
               "bracket": rb"[][{},:]"}
    found = list(re.finditer(pattern[kind], bytes(data))) if kind in pattern else []
    if not found:
        return any_bytes(data, random)
    place = random.choice(found)
    old = place.group()
    if kind == "number":
        new = random.choice(NUMBERS)
    elif kind == "string":
        new = random.choice([random.choice(found).group(), old[:-1] + b'x"', b'""', random.choice(NUMBERS)])
    else:
        new = random.choice([b"", old * 2, b"[" * 100, b"{", b"]", b","])
    data[place.start():place.end()] = new
    return f"{old[:40]!r} -> {new[:40]!r} at {place.start()}"
