"""Writes .pt files that nobody should load: each with one thing that must be refused.

Made with torch 2.15.0 where torch itself writes the file, by hand otherwise; `python3 make_hostile_pickles.py` in this
folder. None of them is harmful by being read as data; do not unpickle them.
"""

import io
import pathlib
import pickle
import struct
import tarfile
import zipfile
import zlib

import torch

FOLDER = pathlib.Path(__file__).parent / "hostile"
END = b"."


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -2**31 <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return pickle.dumps(value, 2)[2:-1]


def numbers(values):
    return b"(" + b"".join(number(v) for v in values) + b"t"


def glob(module, name):
    return f"c{module}\n{name}\n".encode()


def storage(key="0", count=4, kind="FloatStorage"):
    return b"(" + text("storage") + glob("torch", kind) + text(key) + text("cpu") + number(count) + b"tQ"


def tensor(of=None, offset=0, sizes=(4,), strides=(1,), flags=b""):
    return (glob("torch._utils", "_rebuild_tensor_v2") + b"(" + (of or storage()) + number(offset) + numbers(sizes)
            + numbers(strides) + b"\x89" + glob("collections", "OrderedDict") + b")R" + flags + b"tR")


def dictionary(**entries):
    return b"}(" + b"".join(text(k) + v for k, v in entries.items()) + b"u"


def archive(name, body, storages=None, deflated=(), byteorder=b"little"):
    """A zip as torch.save writes it, around any bytes for a pickle."""
    members = {"data.pkl": body, "byteorder": byteorder}
    members |= {f"data/{k}": v for k, v in ({"0": bytes(16)} if storages is None else storages).items()}
    members["version"] = b"3\n"
    with zipfile.ZipFile(FOLDER / f"{name}.pt", "w") as file:
        for member, data in members.items():
            info = zipfile.ZipInfo(f"{name}/{member}")
            info.compress_type = zipfile.ZIP_DEFLATED if member in deflated else zipfile.ZIP_STORED
            file.writestr(info, data, compresslevel=9)


def pickled(name, body, **options):
    archive(name, b"\x80\x02" + body + END, **options)


def calls():
    command = text("echo this must never be printed")
    pickled("os_system", glob("os", "system") + command + b"\x85R")
    pickled("posix_system", glob("posix", "system") + command + b"\x85R")
    pickled("builtins_eval", glob("builtins", "eval") + command + b"\x85R")
    pickled("python2_eval", glob("__builtin__", "eval") + command + b"\x85R")
    pickled("getattr", glob("builtins", "getattr") + command + b"\x85R")
    pickled("subprocess", glob("subprocess", "Popen") + command + b"\x85R")
    pickled("hub_load", glob("torch.hub", "load") + command + b"\x85R")
    pickled("nested_load", glob("torch.storage", "_load_from_bytes") + command + b"\x85R")
    pickled("hidden_in_a_state_dict", dictionary(weight=tensor(), extra=glob("os", "system") + command + b"\x85R"))
    archive("stack_global", b"\x80\x04\x8c\x02os\x8c\x06system\x93" + command + b"\x85R" + END)
    archive("inst", b"(S'echo'\nios\nsystem\n.")
    pickled("inst_opcode", b"(" + command + b"ios\nsystem\n")
    pickled("obj_opcode", b"(" + glob("collections", "OrderedDict") + b"o")
    pickled("ext_opcode", b"\x82\x01")
    pickled("newobj_of_a_class", glob("socket", "socket") + b")\x81")
    pickled("build_on_a_list", b"]}b")
    pickled("reduce_of_no_global", text("os.system") + b")R")
    pickled("newobj_of_no_class", text("os.system") + b")\x81")
    (FOLDER / "bare.pt").write_bytes(b"\x80\x02" + glob("os", "system") + command + b"\x85R.")
    head = b"".join(pickle.dumps(v, 2) for v in (0x1950A86A20F9469CFC6C, 1001, {}))
    (FOLDER / "legacy.pt").write_bytes(head + b"\x80\x02" + glob("os", "system") + command + b"\x85R.")
    (FOLDER / "legacy_wrong_magic.pt").write_bytes(pickle.dumps({"a": 1}, 2))
    with tarfile.open(FOLDER / "tar.pt", "w:", format=tarfile.PAX_FORMAT) as file:
        empty = pickle.dumps(0, 2)
        for name, data in (("pickle", b"\x80\x02" + glob("os", "system") + command + b"\x85R."), ("tensors", empty),
                           ("storages", empty + pickle.dumps([], 2))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    script = b"\x80\x02" + glob("os", "system") + command + b"\x85R."
    with zipfile.ZipFile(FOLDER / "script.pt", "w") as file:
        for member, data in (("data.pkl", script), ("constants.pkl", b"\x80\x02)."), ("version", b"3\n")):
            file.writestr(zipfile.ZipInfo(f"script/{member}"), data)


class Net(torch.nn.Module):
    pass


def what_torch_writes():
    """Honest files that are not of dense tensors."""
    torch.save(Net(), FOLDER / "whole_module.pt")
    quantized = torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8)
    torch.save({"w": quantized}, FOLDER / "quantized.pt")
    torch.save({"w": torch.eye(2).to_sparse()}, FOLDER / "sparse.pt")
    torch.save({"w": torch.ones(2, dtype=torch.complex64).conj()}, FOLDER / "conjugated.pt")
    torch.save(torch.ones(2), FOLDER / "tensor_alone.pt")
    torch.save({"epoch": 1}, FOLDER / "no_tensors.pt")


def bombs():
    lists = b"]q\x00"
    for level in range(40):
        lists += b"](" + (b"h" + bytes([level])) * 10 + b"eq" + bytes([level + 1])
    # Each list was left on the stack: all of them in a tuple.
    pickled("billion_laughs", b"(" + lists + b"t")
    pickled("deep_lists", b"}(" + text("weight") + tensor() + text("deep") + b"]" * 70 + b"a" * 69 + b"u")
    pickled("memo_index", b"Nr\xff\xff\xff\xff")
    pickled("memo_missing", b"h\x07")
    pickled("memo_count", b"N" + b"\x94" * (2**25 + 1), deflated=["data.pkl"])
    # A tuple of a tuple a thousand times, a thousand times.
    pickled("memo_bomb", b"(" + b"N" * 1000 + b"tq\x00" + (b"(" + b"h\x00" * 100_000 + b"t") * 340, deflated=["data.pkl"])
    pickled("stack_bomb", b"N" * (2**25 + 1), deflated=["data.pkl"])
    pickled("container_bomb", b")" + b"\x85" * 2**25, deflated=["data.pkl"])
    pickled("deep_tuples", b")" + b"\x85" * 100_000, deflated=["data.pkl"])
    pickled("opcode_bomb", b"N" + b"20" * 2**25, deflated=["data.pkl"])
    pickled("record_bomb", glob("a", "b") + b"q\x00" + b"h\x00)R0" * 2**24, deflated=["data.pkl"])
    pickled("list_bomb", b"](" + b"]" * 2**25 + b"e", deflated=["data.pkl"])
    pickled("huge_text", b"X\xff\xff\xff\x7f")
    pickled("large_pickle", b"N" * (257 << 20), deflated=["data.pkl"])
    wrapped = tensor()
    for _ in range(100):
        wrapped = glob("torch._utils", "_rebuild_parameter") + b"(" + wrapped + b"\x89NtR"
    pickled("wrapped_parameter", dictionary(weight=wrapped))
    pickled("contains_itself", b"}q\x00(" + text("self") + b"h\x00u")


def broken_pickles():
    archive("no_stop", b"\x80\x02}")
    archive("cut_short", b"\x80\x02X\x10\x00\x00\x00weight")
    archive("empty_pickle", b"")
    archive("after_the_pickle", b"\x80\x02}.}.")
    archive("two_values", b"\x80\x02}}.")
    pickled("stack_underflow", b"s")
    pickled("mark_underflow", b"t")
    pickled("below_the_mark", b"N(\x85")
    pickled("odd_items", b"}(" + text("weight") + b"u")
    pickled("items_for_a_list", b"](" + text("weight") + b"Nu")
    pickled("append_to_a_dictionary", b"}Na")
    pickled("text_not_utf8", b"X\x02\x00\x00\x00\xff\xfe")
    archive("protocol_9", b"\x80\x09N.")
    pickled("endless_global", b"c" + b"x" * 5000)


def storages_that_lie():
    pickled("storage_too_small", dictionary(weight=tensor(storage(count=5))))
    pickled("storage_too_large", dictionary(weight=tensor(storage(count=3))))
    pickled("storage_missing", dictionary(weight=tensor(storage(key="7"))))
    pickled("storage_path", dictionary(weight=tensor(storage(key="../../etc/passwd"))))
    pickled("storage_negative", dictionary(weight=tensor(storage(count=-4))))
    pickled("storage_overflow", dictionary(weight=tensor(storage(count=2**62))))
    pickled("storage_quantized", dictionary(weight=tensor(storage(kind="QInt8Storage"))))
    pickled("storage_twice", dictionary(a=tensor(), b=tensor(storage(count=2, kind="DoubleStorage"), sizes=(2,))))
    pickled("storage_of_a_module", dictionary(weight=tensor(b"(" + text("module") + b"NNNNtQ")))
    pickled("offset_beyond", dictionary(weight=tensor(offset=1)))
    pickled("offset_negative", dictionary(weight=tensor(offset=-1)))
    pickled("size_beyond", dictionary(weight=tensor(sizes=(5,))))
    pickled("size_negative", dictionary(weight=tensor(sizes=(-4,))))
    pickled("size_overflow", dictionary(weight=tensor(sizes=(2**40, 2**40), strides=(0, 0))))
    pickled("stride_negative", dictionary(weight=tensor(offset=3, strides=(-1,))))
    pickled("stride_overflow", dictionary(weight=tensor(sizes=(3,), strides=(2**62,))))
    pickled("stride_beyond", dictionary(weight=tensor(sizes=(2,), strides=(4,))))
    pickled("strides_too_few", dictionary(weight=tensor(sizes=(2, 2))))
    pickled("repeated", dictionary(weight=tensor(sizes=(2**20, 2**10), strides=(0, 0))))
    many = {f"w{i}": tensor(storage(count=1 << 20), sizes=(1 << 20,)) for i in range(80)}
    pickled("shared", dictionary(**many), storages={"0": bytes(4 << 20)}, deflated=["data/0"])
    pickled("name_twice", b"}(" + text("weight") + tensor() + text("weight") + tensor() + b"u")
    pickled("rebuild_arguments", dictionary(weight=glob("torch._utils", "_rebuild_tensor_v2") + b")R"))
    pickled("byteorder", dictionary(weight=tensor()), byteorder=b"middle")
    pickled("flag", dictionary(weight=tensor(flags=dictionary(neg=b"\x88"))))


def record(name, data, method, crc, stored, count, offset):
    """A member's header and bytes, and its line of the directory."""
    name = name.encode()
    fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0x21, crc, stored, count, len(name), 0)
    local = b"PK\x03\x04" + fields + name + data
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    return local, central


def zip_file(name, records):
    """A zip of records as given, true or not."""
    body, directory = b"", b""
    for local, central in records:
        body, directory = body + local, directory + central
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(records), len(records), len(directory), len(body), 0)
    (FOLDER / f"{name}.pt").write_bytes(body + directory + end)


def zips():
    body = b"\x80\x02" + dictionary(weight=tensor()) + END
    first = record("z/data.pkl", body, 0, zlib.crc32(body), len(body), len(body), 0)
    # The second storage is inside the bytes of the first, as in a bomb that unpacks the same bytes many times.
    inner = record("z/data/1", bytes(16), 0, zlib.crc32(bytes(16)), 16, 16, len(first[0]) + 30 + 8)
    outer = record("z/data/0", inner[0], 0, zlib.crc32(inner[0]), len(inner[0]), len(inner[0]), len(first[0]))
    zip_file("zip_overlap", [first, outer, (b"", inner[1])])

    def member(data, count):
        packed = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packed.compress(data) + packed.flush()
        return record("z/data/0", packed, 8, zlib.crc32(data), len(packed), count, len(first[0]))

    zip_file("zip_bomb_of_a_storage", [first, member(bytes(8 << 20), 8 << 20)])
    zip_file("zip_bomb_that_lies", [first, member(bytes(8 << 20), 16)])
    zip_file("zip_too_short", [first, member(bytes(8), 16)])
    zip_file("zip_ratio", [first, member(bytes(16), 1 << 30)])
    wrong = record("z/data/0", bytes(16), 0, 1, 16, 16, len(first[0]))
    zip_file("zip_wrong_checksum", [first, wrong])
    data = (FOLDER / "zip_wrong_checksum.pt").read_bytes()
    (FOLDER / "zip_cut_short.pt").write_bytes(data[:len(first[0]) + 20])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(12)
    calls()
    what_torch_writes()
    bombs()
    broken_pickles()
    storages_that_lie()
    zips()
