#!/usr/bin/env bash
# Builds Examples/ and the package that the README shows, without optimisation, and runs them:
#
#   Examples/run.sh .build/examples
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
cd "$root"

swift build --package-path Examples --scratch-path "$build/products"
"$build/products/debug/amp" SampleModels/sunspots/sunspots.rnn
rm -f "$build"/*.rnn
"$build/products/debug/tour" SampleModels/sunspots/sunspots.h5 "$build/copy.rnn" | tee "$build/first.txt"
"$build/products/debug/tour" "$build/copy.rnn" "$build/again.rnn" | cmp - "$build/first.txt"
cmp "$build/copy.rnn" "$build/again.rnn"

# The README's manifest and function; only the path of this package is another.
score=$build/score
rm -rf "$score" && mkdir -p "$score/Sources/score"
awk '/^```swift/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md > "$build/snippets.swift"
awk '/^\/\/ swift-tools-version/ { manifest = 1 } manifest' "$build/snippets.swift" | sed "s|\.\./RNNKit|$root|" > "$score/Package.swift"
awk '/^\/\/ swift-tools-version/ { exit } { print }' "$build/snippets.swift" > "$score/Sources/score/Tour.swift"
cp Examples/Sources/tour/main.swift "$score/Sources/score/main.swift"
# The products of RNNKit are there already; the plan of the other package's build is not to be taken for this one's.
rm -f "$build/products/debug.yaml" "$build/products/debug/description.json" "$build/products/workspace-state.json"
swift build --package-path "$score" --scratch-path "$build/products"
"$build/products/debug/score" "$build/copy.rnn" "$build/scored.rnn" | cmp - "$build/first.txt"

# The code of the articles: every block that is marked as Swift.
articles=$build/articles
rm -rf "$articles" && mkdir -p "$articles/Sources/articles"
sed "s|../RNNKit|$root|; s|score|articles|g" "$score/Package.swift" > "$articles/Package.swift"
for article in Sources/RNNKit/RNNKit.docc/*.md; do
  awk '/^```swift/ { inside = 1; next } /^```/ { inside = 0 } inside' "$article" > "$articles/Sources/articles/$(basename "$article" .md).swift"
done
cp Examples/Articles/main.swift "$articles/Sources/articles/main.swift"
rm -f "$build/products/debug.yaml" "$build/products/debug/description.json" "$build/products/workspace-state.json"
swift build --package-path "$articles" --scratch-path "$build/products"
"$build/products/debug/articles" "$articles"
