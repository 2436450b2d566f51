#!/usr/bin/env bash
# Builds .build/library/prefix: what `make install` copies. The library holds the Swift runtime, as do rnn and rnn-hdf5.
#
# SwiftPM links no Swift runtime into a dynamic library (swift-package-manager#8198), so it makes an archive, which is linked
# here. -static-stdlib hides the symbols of archives but not of objects, so the archive becomes one object first.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=Bindings/C
scratch=.build/library
prefix=$scratch/prefix
value() { sed -n "s/^#define RNNKIT_VERSION_$1 //p" $here/include/rnnkit.h; }
major=$(value MAJOR)
version=$major.$(value MINOR).$(value PATCH)

flags=(-c release --static-swift-stdlib --scratch-path $scratch)
# An archive keeps the objects of files that are no more.
rm -f $scratch/*/release/libRNNKitC.a
for product in RNNKitC rnn rnn-hdf5; do swift build "${flags[@]}" --product $product; done
built=$(swift build "${flags[@]}" --show-bin-path)
tools=$(dirname "$(readlink -f "$(command -v swiftc)")")

rm -rf $prefix
mkdir -p $prefix/{bin,lib/pkgconfig,lib/cmake/RNNKit,libexec/rnnkit,include,share/man/man1}
mkdir -p $prefix/share/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}

"$tools/ld.lld" -r --whole-archive "$built/libRNNKitC.a" -o $scratch/rnnkit.o
# Which libraries the objects ask for is said below: of these two the archives, where there are any, so that the library
# needs neither where it runs.
"$tools/llvm-objcopy" --remove-section=.swift1_autolink_entries $scratch/rnnkit.o
archived() { for name; do [ -e "$("$tools/clang" -print-file-name=lib$name.a)" ] && echo "-Xlinker -l:lib$name.a" || echo "-l$name"; done; }
swiftc -emit-library -static-stdlib -use-ld=lld $scratch/rnnkit.o -o $prefix/lib/librnnkit.so.$version \
  $(archived xxhash z) -lFoundationEssentials -l_FoundationCShims -l_FoundationCollections -lswiftGlibc \
  -lswiftSynchronization -lswift_Concurrency -lswift_Builtin_float -lswift_StringProcessing -lswift_RegexParser -lswiftDispatch -ldispatch \
  -lBlocksRuntime -Xlinker --version-script=$here/rnnkit.map -Xlinker -soname=librnnkit.so.$major -Xlinker --gc-sections \
  -Xlinker -s -Xlinker -z -Xlinker defs
ln -s librnnkit.so.$version $prefix/lib/librnnkit.so.$major
ln -s librnnkit.so.$major $prefix/lib/librnnkit.so
cp $here/include/rnnkit.h $prefix/include
fill() { sed "s/@VERSION@/$version/; s/@MAJOR@/$major/" $here/$1 > $prefix/$2/$1; }
fill rnnkit.pc lib/pkgconfig
fill RNNKitConfig.cmake lib/cmake/RNNKit
fill RNNKitConfigVersion.cmake lib/cmake/RNNKit

"$tools/llvm-objcopy" --strip-all "$built/rnn" $prefix/bin/rnn
"$tools/llvm-objcopy" --strip-all "$built/rnn-hdf5" $prefix/libexec/rnnkit/rnn-hdf5
rnn=$prefix/bin/rnn
$rnn --generate-completion-script bash > $prefix/share/bash-completion/completions/rnn
$rnn --generate-completion-script zsh > $prefix/share/zsh/site-functions/_rnn
$rnn --generate-completion-script fish > $prefix/share/fish/vendor_completions.d/rnn.fish
$rnn --experimental-dump-help | python3 $here/manual.py $version $prefix/share/man/man1
