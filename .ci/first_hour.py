"""Follows README.md as a newcomer does and prints each command with what it says: first_hour.py [FOLDER]

Run in a clone, as root on a Debian 12 with Swift and nothing of the project's. PyTorch is fetched for the model that README
starts from. A block of README that cannot be followed ends it with an error.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shorten(text, most=24):
    lines = [line.split("\r")[-1] for line in text.splitlines()]
    if len(lines) <= most:
        return lines
    return lines[: most // 2] + [f"... {len(lines) - most // 2 * 2} lines ..."] + lines[-(most // 2):]


def run(command, folder, shown=None):
    print(f"$ {shown or command}", flush=True)
    begun = time.monotonic()
    done = subprocess.run(["bash", "-c", command], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in shorten(done.stdout):
        print(line)
    seconds = time.monotonic() - begun
    if seconds >= 10:
        print(f"[{seconds / 60:.1f} minutes]")
    print(flush=True)
    if done.returncode:
        sys.exit(f"ended with {done.returncode}")


def main():
    work = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    path = f"export PATH={ROOT}/.build/release:$PATH; "
    by_kind = {kind: [text for name, text in blocks if name == kind] for kind in ("", "python", "c")}

    demo, test = (line.partition("#")[0].strip() for line in by_kind[""][0].splitlines())
    print("# The demo\n")
    run(demo, ROOT)

    print("# A model of one's own\n")
    run("python3 -m venv torch && torch/bin/pip install -q torch numpy 2>&1 | tail -1", work)
    (work / "tagger.py").write_text(by_kind["python"][0])
    run("torch/bin/python tagger.py", work)
    for block in by_kind[""][1:]:
        for line in block.splitlines():
            if line.startswith("$ "):
                run(path + line[2:], work, line[2:])
    for line in ("rnn report model.rnn -o report.html", "rnn draw model.rnn -o model.svg", "ls -l"):
        run(path + line, work, line)

    print("# From Swift, C and Python\n")
    run("make examples", ROOT)
    run("make library", ROOT)
    run("make install PREFIX=/usr/local", ROOT)
    (work / "first.c").write_text(by_kind["c"][0])
    run("apt-get install -y -qq pkg-config > /dev/null; gcc first.c $(pkg-config --cflags --libs rnnkit) -o first", work)
    run("ldconfig; ./first", work)
    run("make wheel", ROOT)
    run(f"torch/bin/pip install -q {ROOT}/.build/wheel/rnnkit-*.whl", work)
    (work / "first.py").write_text(by_kind["python"][1])
    run("torch/bin/python first.py", work)

    print("# The tests\n")
    run(test, ROOT)


if __name__ == "__main__":
    main()
