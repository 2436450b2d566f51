"""PEP 517 backend without requirements: packs what build.sh has put together. The same files give the same bytes.

`python3 backend.py FOLDER` writes the wheel there. Needs Python 3.11 (tomllib) and readelf where it builds.
"""

import base64
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAGED = ROOT / ".build/library/wheel"
# Earlier times cannot stand in a zip.
EPOCH = (1980, 1, 1, 0, 0, 0)


def metadata():
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    header = (ROOT / "Bindings/C/include/rnnkit.h").read_text()
    version = ".".join(re.search(rf"RNNKIT_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR", "PATCH"))
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}", f"Summary: {project['description']}",
             f"Requires-Python: {project['requires-python']}"]
    lines += [f"Classifier: {item}" for item in project["classifiers"]]
    lines += [f"Requires-Dist: {item}" for item in project["dependencies"]]
    for extra, items in project["optional-dependencies"].items():
        lines += [f"Provides-Extra: {extra}"] + [f"Requires-Dist: {item}; extra == \"{extra}\"" for item in items]
    lines += ["Description-Content-Type: text/markdown", "", (HERE / "README.md").read_text()]
    return project["name"], version, "\n".join(lines)


def platform(binaries):
    """The oldest glibc that has every symbol version which the binaries ask for."""
    needed = (2, 17)
    for path in binaries:
        text = subprocess.run(["readelf", "--version-info", "--wide", path], capture_output=True, text=True, check=True).stdout
        needed = max([needed] + [(int(a), int(b)) for a, b in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", text)])
    return f"manylinux_{needed[0]}_{needed[1]}_{os.uname().machine}"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    if not (STAGED / "rnn").exists():
        sys.exit(f"{STAGED} is not there: run `make wheel` at the top of the repository")
    name, version, about = metadata()
    binaries = sorted(STAGED / item for item in ("librnnkit.so", "librnnkit_arrow.so", "rnn", "rnn-hdf5"))
    tag = f"py3-none-{platform(binaries)}"
    info = f"{name}-{version}.dist-info"
    files = {f"rnnkit/{path.relative_to(HERE / 'rnnkit')}": path.read_bytes()
             for path in (HERE / "rnnkit").rglob("*") if path.suffix in (".py", ".typed")}
    files |= {f"rnnkit/_lib/{path.name}": path.read_bytes() for path in binaries}
    files[f"{name}-{version}.data/scripts/rnn"] = (HERE / "command.py").read_bytes()
    files |= {f"{info}/licenses/{path.name}": path.read_bytes() for path in (STAGED / "licenses").iterdir()}
    files[f"{info}/METADATA"] = about.encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: rnnkit\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    digest = {path: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode() for path, data in files.items()}
    files[f"{info}/RECORD"] = "".join(
        f"{path},sha256={digest[path]},{len(files[path])}\n" for path in sorted(digest)).encode() + f"{info}/RECORD,,\n".encode()
    os.makedirs(folder, exist_ok=True)
    result = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(folder, result), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for path in sorted(files, key=lambda path: (".dist-info/" in path, path)):
            item = zipfile.ZipInfo(path, EPOCH)
            item.compress_type, item.create_system = zipfile.ZIP_DEFLATED, 3
            runs = path.startswith("rnnkit/_lib/") or "/scripts/" in path
            item.external_attr = (0o100755 if runs else 0o100644) << 16
            wheel.writestr(item, files[path])
    return result


def build_sdist(folder, config_settings=None):
    raise SystemExit("a source distribution has no library in it: build from the repository, with `make wheel`")


if __name__ == "__main__":
    print(os.path.join(sys.argv[1], build_wheel(sys.argv[1])))
