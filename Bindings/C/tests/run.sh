#!/usr/bin/env bash
# What `make test-bindings` runs once `make library` has built: everything from a prefix that `make install` filled.
# A compiler that this machine lacks is named as skipped. GROWTH is how often models are opened and closed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/Bindings/C
python=$PWD/.venv/bin/python
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix
failures=0

part() {
  local name=$1
  shift
  if "$@" > "$scratch/log" 2>&1; then
    echo "ok       $name"
    grep -h '^skipped' "$scratch/log" | sed 's/^/         /' || true
  else
    echo "FAILED   $name"
    sed 's/^/         /' "$scratch/log"
    failures=$((failures + 1))
  fi
}
# part_with COMMAND NAME …: only where the command is there.
part_with() {
  local needed=$1
  shift
  if command -v "$needed" > /dev/null; then part "$@"; else echo "skipped  $1: no $needed here"; fi
}

make --no-print-directory -s install PREFIX="$prefix"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig RNNKIT_PREFIX=$prefix
# As an application would that is not installed in the system: by its run path, not by LD_LIBRARY_PATH.
flags="$(pkg-config --cflags --libs rnnkit) -Wl,-rpath,$prefix/lib"
# The toolchain that built the library is out of reach.
run() { env -u LD_LIBRARY_PATH PATH=/usr/bin:/bin "$@"; }

header_is_c89() {
  for compiler in "${CC:-gcc}" gcc clang; do
    command -v "$compiler" > /dev/null || { echo "skipped: no $compiler here"; continue; }
    for standard in c89 c99 c11; do
      echo '#include <rnnkit.h>' | "$compiler" -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" -x c -
    done
  done
}
header_is_cpp() {
  for standard in c++98 c++11 c++17; do
    echo '#include <rnnkit.h>' | g++ -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$prefix/include" -x c++ -
  done
}
# Structs and constants as compiled, symbols as exported; after a change on purpose: Bindings/C/tests/run.sh --write-abi.
abi() {
  gcc -std=c89 -pedantic -Wall -Werror "$here/tests/abi.c" $flags -o "$scratch/abi"
  "$scratch/abi"
  nm -D --defined-only --format=posix "$prefix/lib/librnnkit.so" | awk '$2 != "A" {print "function " $1}' | LC_ALL=C sort
}
abi_is_kept() { abi > "$scratch/abi.txt" && diff "$here/tests/abi.txt" "$scratch/abi.txt"; }
if [ "${1:-}" = --write-abi ]; then
  abi > "$here/tests/abi.txt"
  exit
fi
# All of the header, and nothing else, is exported.
header_is_exported() {
  diff <(grep -oE '\brnnkit_[a-z0-9_]+\(' "$prefix/include/rnnkit.h" | tr -d '(' | LC_ALL=C sort -u) \
    <(sed -n 's/^function //p' "$here/tests/abi.txt" | sed 's/@.*//')
}
# The library needs libc and libstdc++ alone where zlib and xxhash come as archives; the programs link them.
needs_no_swift() {
  local system='libc|libm|libdl|libpthread|librt|ld-linux-[a-z0-9-]*|libstdc\+\+|libgcc_s|libz|libxxhash' file
  for file in lib/librnnkit.so bin/rnn libexec/rnnkit/rnn-hdf5; do
    echo "$file"
    readelf -d "$prefix/$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/  \1/p' > "$scratch/needed"
    cat "$scratch/needed"
    ! grep -vE "^  ($system|libhdf5[a-z_]*)\.so" "$scratch/needed" || return 1
    ! readelf -d "$prefix/$file" | grep -E 'R(UN)?PATH.*\[.*/' || return 1
  done
}

samples=$PWD/SampleModels
model=$samples/sunspots/sunspots.rnn
"$python" - "$samples/sunspots/input.csv" "$scratch/x" << 'END'
import sys
import numpy
x = numpy.loadtxt(sys.argv[1], dtype="float32", ndmin=2)
numpy.save(sys.argv[2] + ".npy", x)
x.tofile(sys.argv[2] + ".f32")
END
run "$prefix/bin/rnn" run "$model" --input "$scratch/x.npy" --output "$scratch/y.npy"
"$python" -c 'import sys, numpy; numpy.load(sys.argv[1]).tofile(sys.argv[2])' "$scratch/y.npy" "$scratch/y.f32"
gives_the_commands_bits() {
  run "$@" "$model" < "$scratch/x.f32" > "$scratch/got.f32"
  cmp "$scratch/y.f32" "$scratch/got.f32"
  # An error is one line, and the program's to tell.
  ! run "$@" /nonexistent < /dev/null > /dev/null 2> "$scratch/errors" && grep -q 'No such file' "$scratch/errors"
}
example_c() {
  gcc -std=c89 -pedantic -Wall -Werror "$here/examples/run.c" $flags -o "$scratch/run-c"
  gives_the_commands_bits "$scratch/run-c"
}
example_cpp() {
  g++ -std=c++98 -pedantic -Wall -Werror "$here/examples/callback.cpp" $flags -o "$scratch/callback"
  gives_the_commands_bits "$scratch/callback"
}
example_go() {
  cp -r "$here/examples/go" "$scratch/go"
  (cd "$scratch/go" && HOME=$scratch GOFLAGS=-mod=mod CGO_LDFLAGS="-Wl,-rpath,$prefix/lib" go build -o "$scratch/run-go" .)
  gives_the_commands_bits "$scratch/run-go"
}
example_rust() {
  rustc -O "$here/examples/rust/run.rs" -L "native=$prefix/lib" -C link-arg=-Wl,-rpath,"$prefix/lib" -o "$scratch/run-rust"
  gives_the_commands_bits "$scratch/run-rust"
}
example_cmake() {
  mkdir "$scratch/cmake"
  cat > "$scratch/cmake/CMakeLists.txt" << END
cmake_minimum_required(VERSION 3.10)
project(example C)
find_package(RNNKit 0.1 REQUIRED)
add_executable(run "$here/examples/run.c")
target_link_libraries(run RNNKit::rnnkit)
END
  cmake -S "$scratch/cmake" -B "$scratch/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
  cmake --build "$scratch/cmake/build"
  gives_the_commands_bits "$scratch/cmake/build/run"
}
stress() {
  gcc -O2 -pthread -Wall -Werror "$here/tests/stress.c" $flags -ldl -o "$scratch/stress"
  run timeout $((900 + ${GROWTH:-0} / 1000)) "$scratch/stress" "$model" "$@"
}
interface() { run "$python" -B -m unittest discover -s "$here/tests"; }
snippets() { run "$python" -B "$here/tests/snippets.py" "$here/README.md" "$samples" "$scratch"; }
manual() {
  for page in rnn rnn-convert rnn-run; do
    man --warnings -E UTF-8 -l "$prefix/share/man/man1/$page.1" 2> "$scratch/warnings" | grep -q NAME
    ! grep . "$scratch/warnings"
  done
  bash -n "$prefix/share/bash-completion/completions/rnn"
}
uninstalled() {
  touch "$prefix/lib/others"
  make --no-print-directory -s uninstall PREFIX="$prefix"
  [ "$(find "$prefix" ! -type d)" = "$prefix/lib/others" ]
  [ ! -e "$prefix/libexec/rnnkit" ]
}

part_with gcc "header is C89" header_is_c89
part_with g++ "header is C++98" header_is_cpp
part_with nm "ABI is the committed one" abi_is_kept
part "exports are the header's functions" header_is_exported
part_with readelf "needs no Swift, and little else" needs_no_swift
part_with gcc "C example" example_c
part_with g++ "C++ example" example_cpp
part_with go "Go example" example_go
part_with rustc "Rust example" example_rust
part_with cmake "CMake example" example_cmake
part_with gcc "no thread before it is asked for one" stress idle
part_with gcc "steps allocate nothing, take no lock, call no system" stress steps
part_with gcc "fork after use" stress fork
part_with gcc "1,000 streams from 2 threads" stress streams
part_with gcc "opening and closing does not grow" stress growth "${GROWTH:-20000}"
part "interface gives the command's bits, and refuses" interface
part "snippets of the README" snippets
part_with man "manual pages and completions" manual
part "uninstall leaves what is not its own" uninstalled
[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
