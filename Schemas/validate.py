"""Checks JSON against the schemas beside this file.

    python validate.py SCHEMA [FILE...]      SCHEMA: architecture, inspect, … ; standard input without FILE

Needs jsonschema. Exit status 1 where something does not hold.
"""

import functools
import json
import pathlib
import sys

import jsonschema
import referencing.jsonschema

FOLDER = pathlib.Path(__file__).resolve().parent


def problems(instance, schema):
    """What does not hold, as pairs of place and message, the innermost place first."""
    found = []
    for error in _validator(schema).iter_errors(instance):
        best = jsonschema.exceptions.best_match([error])
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in best.absolute_path)
        found.append((place, best.message))
    return found


def _is_integer(checker, value):
    """Whole numbers are written without fraction and exponent; JSON Schema by itself takes 1.0 for one too."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer))


@functools.cache
def _validator(schema):
    return _Validator({"$ref": f"{schema}.schema.json"}, registry=_registry())


@functools.cache
def _registry():
    resources = []
    for path in sorted(FOLDER.glob("*.schema.json")):
        schema = json.loads(path.read_text("utf-8"))
        # It would bring back jsonschema's own validator.
        del schema["$schema"]
        resources.append((path.name, referencing.jsonschema.DRAFT202012.create_resource(schema)))
    return referencing.Registry().with_resources(resources)


def main(arguments):
    from read_native import FormatError, parse_json

    if not arguments or not (FOLDER / f"{arguments[0]}.schema.json").exists():
        print(__doc__.strip(), file=sys.stderr)
        return 64
    failed = False
    for path in arguments[1:] or ["-"]:
        try:
            data = sys.stdin.buffer.read() if path == "-" else pathlib.Path(path).read_bytes()
            found = problems(parse_json(data, "the text"), arguments[0])
        except (FormatError, OSError) as error:
            found = [("", str(error))]
        for place, message in found:
            print(": ".join(part for part in (path, place.lstrip("."), message) if part), file=sys.stderr)
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
