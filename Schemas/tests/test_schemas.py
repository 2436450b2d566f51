"""The schemas are schemas, strict, and let through what is right and nothing else. Needs jsonschema."""

import copy
import json
import pathlib
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FOLDER))

try:
    import jsonschema
except ImportError as error:
    raise unittest.SkipTest("jsonschema is not installed") from error

from read_native import DTYPES, MAXIMUM_NAME_LENGTH, MAXIMUM_RANK, MAXIMUM_TENSOR_COUNT, read
from validate import problems

SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text("utf-8"))
           for path in FOLDER.glob("*.schema.json")}


def objects(schema):
    """Every schema within a schema that lists the members of an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects(value)


def module(type, **more):
    sizes = {
        "Linear": {"in_features": 2, "out_features": 1},
        "Embedding": {"num_embeddings": 9, "embedding_dim": 2},
        "PReLU": {},
        "Unknown": {"tensors": ["conv.weight"]},
    }.get(type, {"input_size": 2, "hidden_size": 3})
    return {"type": type, "name": "m"} | sizes | more


class SchemaTests(unittest.TestCase):
    def holds(self, instance, schema):
        self.assertEqual(problems(instance, schema), [], instance)

    def fails(self, instance, schema):
        self.assertNotEqual(problems(instance, schema), [], instance)

    def test_each_is_a_schema_of_draft_2020_12_with_a_title_and_descriptions(self):
        for name, schema in SCHEMAS.items():
            with self.subTest(name):
                self.assertEqual(schema["$schema"], jsonschema.Draft202012Validator.META_SCHEMA["$id"])
                jsonschema.Draft202012Validator.check_schema(schema)
                self.assertTrue(schema["title"] and schema["description"])

    def test_each_object_is_closed_and_described_but_for_metadata(self):
        for name, schema in SCHEMAS.items():
            for item in objects(schema):
                with self.subTest(name, description=item.get("description")):
                    self.assertIn("description", item)
                    free = "properties" not in item and "patternProperties" not in item
                    # A module's members are those of its type, to which the schema leads on.
                    self.assertTrue(item.get("additionalProperties") is False or free or "allOf" in item)

    def test_limits_and_types_are_those_of_the_native_format(self):
        tensor = SCHEMAS["native-header"]["$defs"]["tensor"]["properties"]
        self.assertEqual(tensor["dtype"]["enum"], list(DTYPES))
        self.assertEqual(SCHEMAS["inspect"]["$defs"]["tensor"]["properties"]["dtype"]["enum"], list(DTYPES))
        self.assertEqual(tensor["name"]["maxLength"], MAXIMUM_NAME_LENGTH)
        self.assertEqual(tensor["shape"]["maxItems"], MAXIMUM_RANK)
        self.assertEqual(SCHEMAS["native-header"]["properties"]["tensors"]["maxItems"], MAXIMUM_TENSOR_COUNT)

    def test_the_header_of_the_example_holds_and_no_change_of_it(self):
        header, _, _ = read(FOLDER / "examples/tiny.rnn")
        self.holds(header, "native-header")
        for change in (
            lambda h: h.pop("tensors"),
            lambda h: h.update(extra=1),
            lambda h: h.update(metadata=[]),
            lambda h: h.update(ordered=0),
            lambda h: h["architecture"].update(extra=1),
            lambda h: h["architecture"]["modules"][0].update(extra=1),
            lambda h: h["tensors"][0].update(dtype="float31"),
            lambda h: h["tensors"][0].update(offset=63),
            lambda h: h["tensors"][0].update(shape=[-1]),
            lambda h: h["tensors"][0].update(shape=[1] * 33),
            lambda h: h["tensors"][0].update(xxh3="1E09312920D89815"),
            lambda h: h["tensors"][0].pop("xxh3"),
            lambda h: h["cases"][0].update(extra=1),
            lambda h: h["cases"][0].pop("members"),
        ):
            changed = copy.deepcopy(header)
            change(changed)
            self.fails(changed, "native-header")

    def test_an_architecture_has_each_module_with_its_options_and_no_others(self):
        hard = {"name": "hard_sigmoid", "alpha": 0.2, "beta": 0.5}
        good = [
            module("RNN", num_layers=2, bias=False, nonlinearity="relu"),
            module("RNN", bidirectional=True, nonlinearity="relu", reverse_nonlinearity="tanh"),
            module("LSTM", proj_size=2, activations={"gate": hard}, reverse=True, clip=3.0, input_forget=True,
                   peephole=True, returns_sequence=False, initial_state=True),
            module("GRU", reset_after=False),
            module("GRU", bidirectional=True, reverse_activations={"gate": hard, "candidate": "relu"}),
            module("RNNCell", nonlinearity={"name": "leaky_relu", "alpha": 0.1}), module("LSTMCell"), module("GRUCell"),
            module("Linear", bias=False, activation="log_softmax"), module("Linear", activation={"name": "tanh"}),
            module("Embedding", padding_idx=0), module("Unknown"),
            module("PReLU"), module("PReLU", num_parameters=3),
        ]
        bad = [
            module("Conv"), module("RNN", hidden_size=0), module("RNN", num_layers=0), module("RNN", extra=1),
            module("RNN", proj_size=1), module("RNN", activations={}), module("GRU", peephole=True),
            module("LSTM", reset_after=True), module("LSTM", nonlinearity="tanh"), module("RNNCell", num_layers=1),
            module("LSTMCell", proj_size=0), module("GRUCell", bidirectional=False), module("RNN", clip=0),
            module("RNN", bidirectional=True, reverse=True), module("RNN", reverse_nonlinearity="relu"),
            module("LSTM", reverse_activations={}), module("RNN", nonlinearity="softmax"),
            module("RNN", nonlinearity="hard_sigmoid"), module("RNN", nonlinearity={"name": "tanh", "alpha": 1}),
            module("RNN", nonlinearity={"name": "elu", "alpha": 1, "beta": 1}),
            module("LSTM", activations={"cell": "tanh"}),
            module("Linear", activation="swish"), module("Linear", in_features=1.5), module("Linear", in_features=1.0),
            module("Embedding", padding_idx=-1), module("PReLU", num_parameters=0), module("PReLU", init=0.25),
            module("Unknown", tensors=[1]), {"type": "RNN", "name": "m"}, {"type": "Linear"}, [],
        ]
        for one in good:
            self.holds({"modules": [one]}, "architecture")
        for one in bad:
            self.fails({"modules": [one]}, "architecture")
        self.holds({"batch_first": True, "order_known": False, "skip": 1, "input_gain": 0.5, "input_gain_features": 1,
                    "output_gain": 2,
                    "modules": good}, "architecture")
        for line in ("rnn(x)", None):
            self.holds({"batch_first": True, "forward": line, "modules": [module("RNN"), module("PReLU")]}, "architecture")
            for old in ("order_known", "skip", "input_gain", "input_gain_features", "output_gain"):
                self.fails({"forward": line, old: old == "order_known" or 1, "modules": []}, "architecture")
            for old in (module("Linear", activation="tanh"), module("GRU", returns_sequence=True)):
                self.holds({"modules": [old]}, "architecture")
                self.fails({"forward": line, "modules": [old]}, "architecture")
        for one in ({}, {"forward": 1, "modules": []}, {"modules": {}}, {"modules": [], "skip": -1}, {"modules": [], "input_gain_features": 0}, {"modules": [], "batch_first": "yes"}):
            self.fails(one, "architecture")

    def test_a_mapping_has_one_star_on_each_side_at_the_most(self):
        for rules in ({}, {"a": "b"}, {"enc_*": "gru.*"}, {"*": "x"}, {"*_w": "*.weight"}, {"": "x"}):
            self.holds({"rename": rules}, "mapping")
        for rules in ({"a": "*"}, {"*": "**"}, {"*a*": "b"}, {"a": ""}, {"*": ""}, {"a": 1}, []):
            self.fails({"rename": rules}, "mapping")
        for one in ({}, [], {"rename": {}, "more": 1}):
            self.fails(one, "mapping")


if __name__ == "__main__":
    unittest.main()
