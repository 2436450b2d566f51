"""Builds RNNKit's documentation from a debug build: docs.py FOLDER

RNNKit re-exports RNNModel, RNNFormats and RNNRunner. Their symbols are documented as RNNKit's own, as a reader of
`import RNNKit` sees them. Exits with 1 on a warning of DocC, or where more public declarations than before have no comment.
"""

import json
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULES = ["RNNModel", "RNNFormats", "RNNRunner", "RNNKit"]
# Members that need no word: their type's comment says what they are, or the protocol's.
SELF_EXPLANATORY = {"==(_:_:)", "!=(_:_:)", "hash(into:)", "description", "hashValue", "init(from:)", "encode(to:)", "init(rawValue:)"}
# What a format implements is documented at its protocol.
REQUIREMENTS = {"name", "summary", "writes", "exceptions", "fileExtensions", "canWrite", "holdsStateDict", "holdsEverything",
                "holdsOneArray", "holdsQuantized", "isText", "recognizes(_:)", "read(_:)", "write(_:to:)", "open(_:isNamed:)", "notes(writing:)",
                "room(_:_:in:)", "init()"}

# Public declarations without a comment; the number may only fall.
UNDOCUMENTED = 50


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def extract(folder):
    """The symbol graphs of all modules, each of which then says that it is RNNKit's."""
    products = pathlib.Path(output("swift", "build", "--show-bin-path"))
    triple = json.loads(output("swiftc", "-print-target-info"))["target"]["triple"]
    maps = [*products.glob("*.build/module.modulemap"), *ROOT.glob("Sources/*/module.modulemap"),
            *ROOT.glob("Sources/*/include/module.modulemap")]
    options = [option for path in maps for option in ("-Xcc", f"-fmodule-map-file={path}")]
    for module in MODULES:
        subprocess.run(
            ["swift", "symbolgraph-extract", "-module-name", module, "-I", products / "Modules", *options, "-target", triple,
             "-minimum-access-level", "public", "-skip-inherited-docs", "-skip-synthesized-members", "-output-dir", folder],
            cwd=ROOT, check=True)
    undocumented = []
    for path in sorted(folder.glob("*.symbols.json")):
        graph = json.loads(path.read_text())
        if "@" in path.name and path.name.split("@")[1].split(".")[0] not in MODULES:
            path.unlink()  # members of the standard library's types
            continue
        graph["module"]["name"] = "RNNKit"
        # One requirement has one symbol, and its default another of the same name.
        defaults = {link["source"] for link in graph["relationships"] if link["kind"] in ("defaultImplementationOf", "overrides")}
        for symbol in graph["symbols"]:
            *owner, name = symbol["pathComponents"]
            if owner and owner[-1].endswith("Format") and name in REQUIREMENTS:
                continue
            if "docComment" not in symbol and name not in SELF_EXPLANATORY and symbol["identifier"]["precise"] not in defaults:
                place = symbol.get("location", {})
                file = place.get("uri", "").removeprefix("file://").removeprefix(f"{ROOT}/")
                undocumented.append(f"{file}:{place.get('position', {}).get('line', 0) + 1}: {'.'.join(symbol['pathComponents'])}")
        renamed = path.with_name(path.name.replace("@", "-"))
        path.unlink()
        renamed.write_text(json.dumps(graph))
    return sorted(undocumented)


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "graphs").mkdir(parents=True)
    undocumented = extract(folder / "graphs")
    docc = pathlib.Path(shutil.which("swift")).resolve().parent / "docc"
    status = subprocess.run(
        [docc, "convert", ROOT / "Sources/RNNKit/RNNKit.docc", "--additional-symbol-graph-dir", folder / "graphs",
         "--warnings-as-errors", "--fallback-display-name", "RNNKit", "--fallback-bundle-identifier", "RNNKit",
         "--output-path", folder / "RNNKit.doccarchive"]).returncode
    for line in undocumented if len(undocumented) > UNDOCUMENTED else []:
        print(f"{line} has no comment", file=sys.stderr)
    print(f"{len(undocumented)} public declarations without a comment, at most {UNDOCUMENTED} allowed")
    sys.exit(1 if status or len(undocumented) > UNDOCUMENTED else 0)


if __name__ == "__main__":
    main()
