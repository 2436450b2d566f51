#!/usr/bin/env bash
# What `make demo` shows: a trained network from PyTorch, out of HDF5, checked and run.
#
#   SampleModels/demo.sh path/to/rnn
set -euo pipefail
rnn=$(realpath "$1")
cd "$(dirname "$0")/sunspots"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
run() {
  printf '$ rnn %s\n' "${*//$out\//}"
  "$rnn" "$@"
}

say "An Elman network that PyTorch trained on yearly sunspot numbers, exported to HDF5:"
run inspect sunspots.h5

say "To the native format, bit for bit, with its reference case inside:"
run convert sunspots.h5 "$out/sunspots.rnn"
run diff sunspots.h5 "$out/sunspots.rnn"

say "Against what PyTorch gave for the same input:"
run verify "$out/sunspots.rnn"

say "Run on the real series, 1700 to 2008, without Python (numbers are (sunspots - 43.481) / 200):"
run run "$out/sunspots.rnn" --input input.csv --output "$out/prediction.csv"
run run "$out/sunspots.rnn" --input input.csv --plot

# The last line is next year's prediction, scaled back to sunspots.
tail -n 1 "$out/prediction.csv" | awk '{ printf "\nThe prediction for 2009, the year after the series ends: %.1f sunspots.\n", $1 * 200 + 43.481 }'
