#!/usr/bin/env bash
# Packs .build/dist/rnnkit-VERSION-linux-ARCH.tar.xz and rnnkit_VERSION_ARCH.deb of what `make library` and
# Bindings/Python/build.sh left: the prefix, with rnn and rnn-hdf5 that hold the Swift runtime, libhdf5, libaec, zlib and
# libxxhash. The same files give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."
prefix=.build/library/prefix
whole=.build/library/wheel
out=.build/dist
value() { sed -n "s/^#define RNNKIT_VERSION_$1 //p" Bindings/C/include/rnnkit.h; }
version=$(value MAJOR).$(value MINOR).$(value PATCH)
machine=$(uname -m)
name=rnnkit-$version-linux-$machine
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

rm -rf $out
mkdir -p $out/$name/share/doc/rnnkit
cp -a $prefix/. $out/$name
cp $whole/rnn $out/$name/bin/rnn
cp $whole/rnn-hdf5 $out/$name/libexec/rnnkit/rnn-hdf5
cp -r $whole/licenses $out/$name/share/doc/rnnkit
cp README.md $out/$name/share/doc/rnnkit
cat > $out/$name/README << END
RNNKit $version for Linux on $machine, with a C library of glibc $(Bindings/Package/needs.py glibc $out/$name) or later and libstdc++.

Run bin/rnn where it is, or copy the folders to a prefix: sudo cp -a bin lib libexec include share /usr/local
share/doc/rnnkit/README.md says what it does.
END
chmod -R u=rwX,go=rX $out/$name
pack() { tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$1" -c "$2"; }
pack $out $name | xz -T0 -6 > $out/$name.tar.xz

architecture=$(dpkg --print-architecture 2>/dev/null || true)
if command -v dpkg-deb > /dev/null && [ -n "$architecture" ]; then
  root=$out/deb
  mkdir -p $root/DEBIAN $root/usr
  cp -a $out/$name/. $root/usr
  rm $root/usr/README
  find $root/usr/share/man -name '*.1' -exec gzip -9n {} +
  mv $root/usr/share/zsh/site-functions $root/usr/share/zsh/vendor-completions
  cat > $root/DEBIAN/control << END
Package: rnnkit
Version: $version
Architecture: $architecture
Maintainer: $(git log -1 --format='%an <%ae>' 2>/dev/null || echo 'RNNKit <rnnkit@localhost>')
Installed-Size: $(du -sk $root/usr | cut -f1)
Depends: $(Bindings/Package/needs.py debian $out/$name)
Section: science
Priority: optional
Description: reads, checks, converts and runs recurrent networks
 RNNKit takes recurrent networks out of the framework that trained them. It reads the weights of an RNN, LSTM or GRU
 from PyTorch, Keras, ONNX, safetensors, NumPy, HDF5 and JSON files, keeps them in one checked file, writes them back
 to the other formats, and runs them without Python: the command rnn, and a C library.
END
  (cd $root && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums)
  find $root -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --build $root $out/rnnkit_${version}_$architecture.deb > /dev/null
  rm -rf $root
fi
(cd $out && ls -l -- *.tar.xz *.deb 2>/dev/null | awk '{print $9, $5 " bytes"}')
