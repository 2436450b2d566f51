#!/usr/bin/env bash
# Puts into .build/library/wheel what a wheel holds, from what `make library` left: the library, and rnn and rnn-hdf5 linked
# again with libhdf5, libaec, zlib and libxxhash inside, so that they need nothing but the C and C++ libraries. Debian's
# libhdf5.so would bring in curl, Kerberos and LDAP; of libhdf5.a the linker takes what is called.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=.build/library
out=$scratch/wheel
built=$scratch/$(uname -m)-unknown-linux-gnu/release
tools=$(dirname "$(readlink -f "$(command -v swiftc)")")
rm -rf $out
mkdir -p $out/licenses

# Arguments: product, then what it is linked with. SwiftPM calls a program's main PRODUCT_main.
link() {
  local product=$1
  shift
  "$tools/ld.lld" -r "@$built/$product.product/Objects.LinkFileList" -o $scratch/$product.o
  "$tools/llvm-objcopy" --remove-section=.swift1_autolink_entries $scratch/$product.o
  swiftc -emit-executable -static-stdlib -use-ld=lld $scratch/$product.o -o $out/$product "$@" \
    -Xlinker --defsym=main="${product//-/_}_main" -lswiftGlibc -lswiftSynchronization -lswift_Concurrency \
    -lswift_Builtin_float -lswift_StringProcessing -lswift_RegexParser -lswiftDispatch -ldispatch -lBlocksRuntime \
    -Xlinker -l:libxxhash.a -Xlinker -l:libz.a -Xlinker --gc-sections -Xlinker -s -Xlinker -z -Xlinker defs
  rm -f $scratch/$product.o
}
link rnn -lFoundationEssentials -l_FoundationCShims -l_FoundationCollections
link rnn-hdf5 -Xlinker -l:libhdf5_serial.a -Xlinker -l:libsz.a -Xlinker -l:libaec.a
cp -L $scratch/prefix/lib/librnnkit.so $out/librnnkit.so
"$tools/clang" -O2 -Wall -Wextra -Werror -fPIC -shared -s -o $out/librnnkit_arrow.so Bindings/Python/arrow.c
for package in libhdf5-dev libaec-dev libxxhash-dev zlib1g-dev; do
  [ ! -e /usr/share/doc/$package/copyright ] || cp -L /usr/share/doc/$package/copyright $out/licenses/$package.txt
done
[ ! -e "$tools/../share/swift/LICENSE.txt" ] || cp "$tools/../share/swift/LICENSE.txt" $out/licenses/swift.txt
