#!/usr/bin/env python3
"""What the programs and libraries below a folder need of the system, as readelf tells.

    needs.py glibc FOLDER       the oldest glibc that has every symbol version, 2.35
    needs.py debian FOLDER      Debian packages, for Depends
"""

import pathlib
import re
import subprocess
import sys

PACKAGES = {"libc.so.6": "libc6", "libm.so.6": "libc6", "libdl.so.2": "libc6", "libpthread.so.0": "libc6", "librt.so.1": "libc6",
            "ld-linux-x86-64.so.2": "libc6", "ld-linux-aarch64.so.1": "libc6", "libstdc++.so.6": "libstdc++6", "libgcc_s.so.1": "libgcc-s1"}
# The release of GCC that brought a version of libstdc++'s symbols.
GCC = {26: "9", 27: "9", 28: "9", 29: "11", 30: "12", 31: "13", 32: "13.1", 33: "14"}


def binaries(folder):
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def readelf(option, path):
    return subprocess.run(["readelf", option, "--wide", path], capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in ("glibc", "debian"):
        print(__doc__.strip(), file=sys.stderr)
        return 64
    glibc, glibcxx, needed = (2, 17), 26, set()
    for path in binaries(arguments[1]):
        versions = readelf("--version-info", path)
        glibc = max([glibc] + [(int(a), int(b)) for a, b in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", versions)])
        glibcxx = max([glibcxx] + [int(a) for a in re.findall(r"Name: GLIBCXX_3\.4\.(\d+)", versions)])
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path)))
    unknown = sorted(name for name in needed if name not in PACKAGES and not name.startswith("librnnkit.so"))
    if unknown:
        sys.exit(f"needs {', '.join(unknown)}, which this package should hold")
    oldest = f"{glibc[0]}.{glibc[1]}"
    if arguments[0] == "glibc":
        print(oldest)
        return 0
    least = {"libc6": oldest, "libstdc++6": GCC.get(glibcxx)}
    packages = sorted({PACKAGES[name] for name in needed if name in PACKAGES})
    print(", ".join(name + (f" (>= {least[name]})" if least.get(name) else "") for name in packages))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
