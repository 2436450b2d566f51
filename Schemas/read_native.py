"""Reads RNNKit's native files with nothing but the specification, native.md.

    from read_native import read
    header, tensors, cases = read("model.rnn")      # tensors: {name: array}, cases: {name: {member: array}}

    python read_native.py [--dump] FILE...          # checks files; exit status 1 where one is refused

Needs numpy and xxhash; with jsonschema installed the command checks headers against the schemas too. NumPy has no
bfloat16 and no float8: they come as uint16 and uint8 of the same bits, and the header says what they are.
"""

import json
import sys
import unicodedata

import numpy
import xxhash

MAGIC = bytes([0x89, 0x52, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A])
VERSION = 1
FIXED_SIZE = 40
ALIGNMENT = 64

MAXIMUM_HEADER_SIZE = 64 << 20
MAXIMUM_TENSOR_COUNT = 1 << 20
MAXIMUM_NAME_LENGTH = 4096
MAXIMUM_RANK = 32
MAXIMUM_DEPTH = 64
MAXIMUM_VALUE_COUNT = 1 << 23
MAXIMUM_INTEGER = 2**63 - 1

DTYPES = {
    "float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2",
    "int64": "<i8", "int32": "<i4", "int16": "<i2", "int8": "i1",
    "uint64": "<u8", "uint32": "<u4", "uint16": "<u2", "uint8": "u1",
    "bool": "?", "complex128": "<c16", "complex64": "<c8", "float8_e4m3fn": "u1", "float8_e5m2": "u1",
}


class FormatError(Exception):
    """A file is no native file, with the place and what is wrong there."""

    def __init__(self, place, problem):
        super().__init__(f"{place}: {problem}")


def read(path):
    """The header, the tensors by name and the cases by name of a file. Raises FormatError."""
    with open(path, "rb") as file:
        return parse(file.read())


def parse(data):
    """The same of a file's bytes. The arrays are views of them and cannot be written to."""
    header, end = _header(data)
    known = {"architecture": dict, "ordered": bool, "tensors": list, "cases": list, "metadata": dict}
    _check_members(header, "header", known, required=["tensors"])
    reader = _TensorReader(data, end)
    tensors = reader.take(header["tensors"], "header.tensors")
    cases, names = {}, set()
    for index, case in enumerate(header.get("cases", [])):
        place = f"header.cases[{index}]"
        _check_members(case, place, {"name": str, "members": list, "metadata": dict}, required=["name", "members"])
        _check_name(case["name"], place, names)
        cases[case["name"]] = reader.take(case["members"], place + ".members")
    if reader.end != len(data):
        raise FormatError(f"offset {reader.end}", f"{len(data) - reader.end} bytes that belong to no tensor")
    return header, tensors, cases


def _header(data):
    """The header's JSON and the offset of its end, once the fixed part and the checksum hold."""
    if len(data) < FIXED_SIZE:
        raise FormatError("offset 0", f"{len(data)} bytes, fewer than the {FIXED_SIZE} of the fixed part")
    if data[:8] != MAGIC:
        raise FormatError("offset 0", "not the magic of a native file")
    number = lambda offset, size: int.from_bytes(data[offset:offset + size], "little")
    version, reserved, length, size, checksum = number(8, 4), number(12, 4), number(16, 8), number(24, 8), number(32, 8)
    if version != VERSION:
        raise FormatError("offset 8", f"version {version}, expected {VERSION}")
    if reserved != 0:
        raise FormatError("offset 12", f"a reserved field is {reserved}, expected 0")
    if length > MAXIMUM_HEADER_SIZE:
        raise FormatError("offset 16", f"a header of {length} bytes, more than {MAXIMUM_HEADER_SIZE}")
    if size != len(data):
        raise FormatError("offset 24", f"the file has {len(data)} bytes, its header says {size}")
    if FIXED_SIZE + length > len(data):
        raise FormatError("offset 16", f"a header of {length} bytes does not fit the file")
    text = data[FIXED_SIZE:FIXED_SIZE + length]
    if xxhash.xxh3_64_intdigest(data[:32] + text) != checksum:
        raise FormatError("offset 32", "the header's checksum differs")
    return parse_json(text), FIXED_SIZE + length


class _TensorReader:
    """Takes tensors one after the other, so that nothing lies between them but the zeros of alignment."""

    def __init__(self, data, end):
        self.data, self.end, self.count = data, end, 0

    def take(self, entries, place):
        arrays, names = {}, set()
        for index, entry in enumerate(entries):
            name, array = self._one(entry, f"{place}[{index}]", names)
            arrays[name] = array
        return arrays

    def _one(self, entry, place, names):
        members = {"name": str, "dtype": str, "shape": list, "offset": int, "bytes": int, "xxh3": str}
        _check_members(entry, place, members, required=list(members))
        _check_name(entry["name"], place, names)
        self.count += 1
        if self.count > MAXIMUM_TENSOR_COUNT:
            raise FormatError(place, f"more than {MAXIMUM_TENSOR_COUNT} tensors")
        if entry["dtype"] not in DTYPES:
            raise FormatError(place, f"an unknown element type {entry['dtype']!r}")
        dtype = numpy.dtype(DTYPES[entry["dtype"]])
        shape = entry["shape"]
        if len(shape) > MAXIMUM_RANK or not all(type(size) is int and 0 <= size <= MAXIMUM_INTEGER for size in shape):
            raise FormatError(place, f"{shape} is not a shape")
        count = product = 1
        for size in shape:
            count, product = count * size, product * max(size, 1)
        if product > MAXIMUM_INTEGER or count * dtype.itemsize > MAXIMUM_INTEGER:
            raise FormatError(place, f"{shape} holds more elements than memory can")
        if entry["bytes"] != count * dtype.itemsize:
            raise FormatError(place, f"{entry['bytes']} bytes, expected {count * dtype.itemsize}")
        offset = (self.end + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        if entry["offset"] != offset:
            raise FormatError(place, f"at offset {entry['offset']}, expected {offset}")
        if offset + entry["bytes"] > len(self.data):
            raise FormatError(place, "reaches beyond the end of the file")
        if any(self.data[self.end:offset]):
            raise FormatError(place, "the bytes before it are not zero")
        piece = memoryview(self.data)[offset:offset + entry["bytes"]]
        if f"{xxhash.xxh3_64_intdigest(piece):016x}" != entry["xxh3"]:
            raise FormatError(place, "its checksum differs")
        self.end = offset + entry["bytes"]
        array = numpy.frombuffer(piece, dtype) if count else numpy.empty(0, dtype)
        try:
            return entry["name"], array.reshape(shape)
        except ValueError as error:
            # Axes beside one of 0 may be larger than NumPy allows.
            raise FormatError(place, str(error)) from None


def _check_members(value, place, known, required):
    if type(value) is not dict:
        raise FormatError(place, "not a JSON object")
    for key in required:
        if key not in value:
            raise FormatError(f"{place}.{key}", "missing")
    for key, member in value.items():
        if key not in known:
            raise FormatError(f"{place}.{key}", "an unknown key")
        if type(member) is not known[key]:
            raise FormatError(f"{place}.{key}", f"not {known[key].__name__}")


def _check_name(name, place, names):
    """Adds a name to those taken. Two that Unicode holds to be the same text (canonical equivalence) are one."""
    if len(name.encode()) > MAXIMUM_NAME_LENGTH:
        raise FormatError(f"{place}.name", f"more than {MAXIMUM_NAME_LENGTH} bytes")
    if _same(name) in names:
        raise FormatError(f"{place}.name", f"the name {name!r} stands twice")
    names.add(_same(name))


def _same(name):
    return unicodedata.normalize("NFC", name)


def parse_json(data, place="header"):
    """One JSON value (RFC 8259) of UTF-8 bytes. Refuses duplicate keys, NaN, infinities, and what exceeds a limit."""
    count = 0

    def members(pairs):
        result, keys = {}, set()
        for key, value in pairs:
            if _same(key) in keys:
                raise ValueError(f"the key {key!r} stands twice")
            keys.add(_same(key))
            result[key] = value
        return result

    def number(text):
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise ValueError(f"{text[:40]} is too large for float64")
        return value

    def integer(text):
        # -0 as an integer would lose its sign.
        return number(text) if text == "-0" or abs(number(text)) > 1e300 else int(text)

    def refuse(text):
        raise ValueError(f"{text} is no JSON")

    def check(value, depth):
        nonlocal count
        count += 1
        if count > MAXIMUM_VALUE_COUNT:
            raise ValueError(f"more than {MAXIMUM_VALUE_COUNT} values")
        if isinstance(value, (dict, list)):
            if depth == MAXIMUM_DEPTH:
                raise ValueError(f"more than {MAXIMUM_DEPTH} levels")
            for key in value if isinstance(value, dict) else ():
                key.encode()
            for element in value.values() if isinstance(value, dict) else value:
                check(element, depth + 1)
        elif isinstance(value, str):
            value.encode()

    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=members, parse_float=number, parse_int=integer,
            parse_constant=refuse)
        check(value, 0)
        return value
    except (ValueError, RecursionError) as error:
        raise FormatError(place, f"not valid JSON: {error}") from None


def _dump(header, tensors, cases):
    """All that a file says, as one JSON value: elements as the hexadecimal digits of their bytes in the file."""
    def arrays(arrays):
        return [{"name": name, "shape": array.shape, "data": array.tobytes().hex()} for name, array in arrays.items()]

    members = [{"name": name, "members": arrays(case)} for name, case in cases.items()]
    return {"header": header, "tensors": arrays(tensors), "cases": members}


def main(arguments):
    try:
        from validate import problems
    except ImportError:
        problems = None
        print("jsonschema is not installed: headers are not checked against the schemas", file=sys.stderr)
    failed = False
    for path in [argument for argument in arguments if argument != "--dump"]:
        try:
            header, tensors, cases = read(path)
            found = problems(header, "native-header") if problems else []
            if found:
                raise FormatError("header" + found[0][0], found[0][1])
        except (FormatError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = True
            continue
        if "--dump" in arguments:
            print(json.dumps(_dump(header, tensors, cases), ensure_ascii=False))
        else:
            print(f"{path}: valid, {len(tensors)} tensors, {len(cases)} cases")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
