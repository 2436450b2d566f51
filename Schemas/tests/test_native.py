"""native.md, its example, the writer and the reader beside it agree. Needs numpy and xxhash."""

import math
import pathlib
import re
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(FOLDER), str(FOLDER / "examples")]

import numpy

import make_tiny
from read_native import DTYPES, FormatError, parse, parse_json

TINY = (FOLDER / "examples/tiny.rnn").read_bytes()


class NativeTests(unittest.TestCase):
    def refused(self, data):
        with self.assertRaises(FormatError) as caught:
            parse(bytes(data))
        return str(caught.exception)

    def test_the_writer_makes_the_example(self):
        self.assertEqual(make_tiny.tiny(), TINY)

    def test_the_page_shows_the_example_byte_for_byte(self):
        shown = bytearray()
        for line in (FOLDER / "native.md").read_text("utf-8").splitlines():
            match = re.match(r"    ([0-9a-f]{8})  (?:00 × (\d+)|((?:[0-9a-f]{2} ? ?){1,16})(?:  |$))", line)
            if match:
                self.assertEqual(int(match[1], 16), len(shown), line)
                shown += bytes(int(match[2])) if match[2] else bytes.fromhex(match[3])
        self.assertEqual(bytes(shown), TINY)

    def test_the_reader_finds_what_was_written(self):
        header, tensors, cases = parse(TINY)
        self.assertEqual(header["architecture"]["modules"][0]["nonlinearity"], "relu")
        self.assertEqual(tensors["rnn.weight_ih_l0"].tolist(), [[1], [0.5]])
        self.assertEqual(tensors["rnn.weight_hh_l0"].tolist(), [[0.5, 0], [0.25, 0]])
        self.assertEqual(cases["by_hand"]["output"].tolist(), [[[1, 0.5]], [[2.5, 1.25]], [[0, 0]]])

    def test_the_output_of_the_example_is_what_the_formula_gives(self):
        _, tensors, cases = parse(TINY)
        h = numpy.zeros((1, 2), "f4")
        for x, expected in zip(cases["by_hand"]["input"], cases["by_hand"]["output"], strict=True):
            h = (x @ tensors["rnn.weight_ih_l0"].T + h @ tensors["rnn.weight_hh_l0"].T).clip(0)
            self.assertEqual(h.tolist(), expected.tolist())

    def test_every_type_and_odd_shapes_come_back(self):
        tensors = []
        for dtype, numpy_type in DTYPES.items():
            size = numpy.dtype(numpy_type).itemsize
            for shape in [(), (0,), (2, 0, 3), (3,), (1, 2, 1)]:
                values = range(size * math.prod(shape))
                data = bytes(i % 2 if dtype == "bool" else (37 * i + 11) % 256 for i in values)
                tensors.append((f"{dtype} {shape}", dtype, shape, data))
        _, found, _ = parse(make_tiny.encode({"modules": []}, tensors))
        self.assertEqual(list(found), [name for name, *_ in tensors])
        for name, _, shape, data in tensors:
            self.assertEqual((found[name].shape, found[name].tobytes()), (shape, data))

    def test_refuses_every_flipped_bit(self):
        for position in range(len(TINY) * 8):
            data = bytearray(TINY)
            data[position // 8] ^= 1 << position % 8
            self.refused(data)

    def test_refuses_every_truncation_and_an_addition(self):
        for length in range(len(TINY)):
            self.refused(TINY[:length])
        self.assertIn("offset 24", self.refused(TINY + b"\0"))

    def test_refuses_two_names_that_are_the_same_text(self):
        for second in ("é", "e\u0301"):
            tensors = [(name, "int8", (0,), b"") for name in ("é", second)]
            self.assertIn("stands twice", self.refused(make_tiny.encode({"modules": []}, tensors)))

    def test_reads_json_strictly(self):
        for text in (
            '{"a":1,"a":2}', "[1,]", "[01]", "[NaN]", "[Infinity]", "[1e999]", "[-]", "[1.]", "[.5]", "['a']", "[] []",
            "",
            '["\\ud800"]', '["\\udc00\\ud800"]', '["\t"]', "\ufeff[]", "[" * 65 + "]" * 65, "[" * 100_000, "tru",
        ):
            with self.assertRaises(FormatError, msg=text[:20]):
                parse_json(text.encode())
        with self.assertRaises(FormatError):
            parse_json(b'["\xff"]')
        self.assertEqual(parse_json(b' {"a" : [1, -2.5e1, "\\u00e9\\ud83d\\ude00", null, true]}\n')["a"],
                         [1, -25.0, "é😀", None, True])
        self.assertEqual(parse_json(("[" * 64 + "]" * 64).encode()).__class__, list)
        self.assertEqual(str(parse_json(b"-0")), "-0.0")


if __name__ == "__main__":
    unittest.main()
