"""Changes of zip archives: fields of their records, what members hold, and which members there are. Members' checksums
are put right."""

import io
import struct
import warnings
import zipfile
import zlib

import hdf5
import pickles
import texts
from numbers_in import any_bytes, find_all, number, set_number

END, CENTRAL, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
FIELDS = {
    END: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    CENTRAL: [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4), (42, 4)],
    LOCAL: [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\x06\x06": [(4, 8), (24, 8), (32, 8), (40, 8), (48, 8)],
    b"PK\x06\x07": [(4, 4), (8, 8), (16, 4)],
}


def changed(data, random):
    """Changes an archive in place, and says in words how."""
    change = random.choice([field, member, member, member, rebuilt, any_bytes])
    return change(data, random)


def field(data, random):
    kinds = [(kind, places) for kind in FIELDS if (places := find_all(data, kind))]
    if not kinds:
        return any_bytes(data, random)
    kind, places = random.choice(kinds)
    place = random.choice(places)
    offset, size = random.choice(FIELDS[kind])
    words = f"{kind[2:].hex()} " + set_number(data, place + offset, size, random)
    # Both records of a member must agree: half of the time they do, and the number itself is what is looked at.
    if kind == CENTRAL and offset in (20, 24) and random.random() < 0.5 and place + 46 <= len(data):
        local, = struct.unpack_from("<I", data, place + 42)
        if local + 30 <= len(data):
            data[local + offset - 2:local + offset + 2] = data[place + offset:place + offset + 4]
    return words


def member(data, random):
    """Changes what a stored member holds, and its checksum in both places."""
    members = stored(data)
    if not members:
        return field(data, random)
    # Members that are more than weights are the likelier ones.
    talking = [member for member in members if not member[4].split(b"/")[-1].isdigit()] or members
    place, local, start, size, name = random.choice(talking if random.random() < 0.8 else members)
    content = bytearray(data[start:start + size])
    words = content_changed(content, random)
    # It keeps its size, which stands in many places; `rebuilt` is for other sizes.
    content = content[:size].ljust(size, b" ")
    data[start:start + size] = content
    checksum = zlib.crc32(content)
    struct.pack_into("<I", data, place + 16, checksum)
    struct.pack_into("<I", data, local + 14, checksum)
    return f"{name.decode(errors='replace')}: {words}"


def stored(data):
    """The members that are stored: the places of both records, start, size and name."""
    members = []
    for place in find_all(data, CENTRAL):
        if place + 46 > len(data):
            continue
        method, _, _, _, size, _, name_length = struct.unpack_from("<HHHIIIH", data, place + 10)
        local, = struct.unpack_from("<I", data, place + 42)
        if method == 0 and size > 0 and local + 30 <= len(data) and data[local:local + 4] == LOCAL:
            start = local + 30 + sum(struct.unpack_from("<HH", data, local + 26))
            if start + size <= len(data):
                members.append((place, local, start, size, bytes(data[place + 46:place + 46 + name_length])))
    return members


def content_changed(content, random):
    if content.startswith(hdf5.MAGIC):
        return hdf5.changed(content, random)
    if content[:1] == b"\x80":
        return pickles.changed(content, random)
    if content[:1] in (b"{", b"["):
        return texts.changed(content, random)
    return random.choice([any_bytes, number])(content, random)


def rebuilt(data, random):
    """The archive made again: with a member changed in size too, missing, twice, under another's name, or deflated."""
    try:
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    except Exception:  # An earlier change may have left no archive.
        return any_bytes(data, random)
    if not members:
        return any_bytes(data, random)
    index = random.randrange(len(members))
    name, content = members[index]
    method = random.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    kind = random.choice(["changed", "changed", "cut", "grown", "missing", "twice", "renamed", "other's", "deflated"])
    if kind == "changed":
        content = bytearray(content)
        if content:
            kind = content_changed(content, random)
        members[index] = name, bytes(content)
    elif kind == "cut":
        members[index] = name, content[:random.randrange(len(content) + 1)]
    elif kind == "grown":
        members[index] = name, content + bytes(random.choice([1, 8, 64, 4096]))
    elif kind == "missing":
        del members[index]
    elif kind == "twice":
        members.insert(random.randrange(len(members)), members[index])
    elif kind == "renamed":
        names = ["../" + name, "/" + name, name + "/", name[:-1], name * 200, "\u0007", ""]
        members[index] = random.choice(names), content
    elif kind == "other's":
        members[index] = name, random.choice(members)[1]
    else:
        method = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "w") as archive:
            for position, (member_name, content) in enumerate(members):
                archive.writestr(
                    zipfile.ZipInfo(member_name), content, method if position == index else zipfile.ZIP_STORED)
    data[:] = buffer.getvalue()
    return f"{name}: {kind}"
