"""The Python in hdf5.md does what the page says. Needs torch and h5py."""

import contextlib
import json
import pathlib
import re
import sys
import tempfile
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FOLDER))

try:
    import h5py
    import torch
except ImportError as error:
    raise unittest.SkipTest(f"{error.name} is not installed") from error

BLOCKS = re.findall(r"^```python\n(.*?)^```$", (FOLDER / "hdf5.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


class HDF5Tests(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(contextlib.chdir(self.folder))
        self.names = {}

    def run_blocks(self, *indices):
        for index in indices:
            exec(compile(BLOCKS[index], f"hdf5.md, block {index + 1}", "exec"), self.names)

    def test_exports_a_model_with_a_case_in_three_lines(self):
        self.run_blocks(0, 1)
        self.assertEqual(len(BLOCKS[1].splitlines()), 3)
        with h5py.File("model.h5") as file:
            for name, value in self.names["model"].state_dict().items():
                self.assertEqual(file["state_dict"][name][...].tobytes(), value.numpy().tobytes())
            for name in ("input", "output", "hn", "y"):
                value = self.names["x" if name == "input" else name]
                self.assertEqual(file["cases/first"][name][...].tobytes(), value.numpy().tobytes())

    def test_loads_it_back_in_one(self):
        self.run_blocks(0, 1, 2)
        before = {name: value.clone() for name, value in self.names["model"].state_dict().items()}
        self.names["model"] = self.names["Net"]()
        self.run_blocks(3)
        for name, value in self.names["model"].state_dict().items():
            self.assertTrue(torch.equal(value, before[name]))

    def test_the_architecture_it_adds_keeps_to_the_schema_and_is_that_of_the_model(self):
        from validate import problems

        self.run_blocks(0, 1, 2)
        with h5py.File("model.h5") as file:
            architecture = json.loads(file.attrs["architecture"])
        self.assertEqual(problems(architecture, "architecture"), [])
        for about in architecture["modules"]:
            module = getattr(self.names["model"], about["name"])
            self.assertEqual(type(module).__name__, about["type"])
            for key in about.keys() - {"type", "name"}:
                self.assertEqual(getattr(module, key), about[key])

    def test_the_bits_of_bfloat16_come_back(self):
        value = torch.randn(3).to(torch.bfloat16)
        with h5py.File("bits.h5", "w") as file:
            file["x"] = value.view(torch.uint16).numpy()
        with h5py.File("bits.h5") as file:
            self.assertTrue(torch.equal(torch.from_numpy(file["x"][...]).view(torch.bfloat16), value))


if __name__ == "__main__":
    unittest.main()
