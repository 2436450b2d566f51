#!/usr/bin/env bash
# Installs the wheel into a fresh environment and runs the tests there, without Swift: not on the PATH, and where this may be
# done with the folders of the toolchain out of reach. RNNKIT_PYTHON names a Python that has NumPy and pytest already, and
# torch or engines to test against; else one is made. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
wheel=$(ls -t .build/wheel/rnnkit-*.whl | head -1)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [ -n "${RNNKIT_PYTHON:-}" ]; then
  "$RNNKIT_PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$scratch/site"
  "$RNNKIT_PYTHON" -m venv --without-pip "$scratch/venv"
  # What that Python has comes after what this one has.
  cp "$scratch/site" "$("$scratch/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/others.pth"
  "$RNNKIT_PYTHON" -m pip --python "$scratch/venv/bin/python" install -q --no-deps --no-index --ignore-installed "$wheel"
else
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install -q "$wheel" pytest
fi
if "${RNNKIT_PYTHON:-$scratch/venv/bin/python}" -c 'import auditwheel' 2> /dev/null; then
  "${RNNKIT_PYTHON:-$scratch/venv/bin/python}" -m auditwheel show "$wheel" | tr '\n' ' ' | sed 's/\. .*/\n/; s/^ */auditwheel: /'
else
  echo "skipped: no auditwheel, which would name the wheel's platform tag"
fi

# The tests see a copy of themselves, so that the package is the installed one.
cp -r Bindings/Python/tests "$scratch/tests"
cp -r Bindings/Python/{README.md,docs} "$scratch/tests"
toolchain=$(command -v swiftc > /dev/null && dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")" || true)
cat > "$scratch/inside" << END
set -e
if [ -n "$toolchain" ] && mount -t tmpfs none "$toolchain" 2> /dev/null; then
  [ ! -e "$toolchain/usr" ] && echo "toolchain: out of reach"
else
  echo "toolchain: only not on the PATH"
fi
cd "$scratch/tests"
exec env -i HOME="$scratch" PATH="$scratch/venv/bin:/usr/bin:/bin" RNNKIT_REPOSITORY="$root" TMPDIR="${TMPDIR:-/tmp}" \
  ${GROWTH:+GROWTH=$GROWTH} ${ROWS:+ROWS=$ROWS} ${JAVA_HOME:+JAVA_HOME=$JAVA_HOME} "$scratch/venv/bin/python" -B -m pytest -q -rs -W ignore::rnnkit.AssumptionWarning -p no:cacheprovider "\$@"
END
if unshare -m true 2> /dev/null; then
  unshare -m --propagation private bash "$scratch/inside" "$@"
else
  bash "$scratch/inside" "$@"
fi
