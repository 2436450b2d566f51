#!/usr/bin/env bash
# What `make test-dist` runs once `make dist` has packed: the command of the tarball and of the .deb in a root that holds
# nothing but them, the C and C++ libraries and a model: no Swift, no libhdf5, no shell, no /dev, no /proc. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
samples=SampleModels/sunspots
tarball=$(echo .build/dist/rnnkit-*.tar.xz)
package=$(echo .build/dist/rnnkit_*.deb)
[ "$(id -u)" = 0 ] || { echo "skipped: only root can make a root to test in"; exit 0; }
[ -e "$tarball" ] || { echo "nothing is packed yet: run 'make dist' first" >&2; exit 1; }

# The libraries that a bare Debian or Ubuntu has, and no others.
bare() {
  local root=$1 library
  mkdir -p "$root"/{tmp,var/tmp,models}
  for library in libc.so.6 libm.so.6 libstdc++.so.6 libgcc_s.so.1; do
    mkdir -p "$root/lib/$(uname -m)-linux-gnu"
    cp -L "/lib/$(uname -m)-linux-gnu/$library" "$root/lib/$(uname -m)-linux-gnu/" 2>/dev/null \
      || cp -L "/usr/lib/$(uname -m)-linux-gnu/$library" "$root/lib/$(uname -m)-linux-gnu/"
  done
  local loader
  loader=$(readelf -l --wide "$root/$2" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
  mkdir -p "$root/$(dirname "$loader")"
  cp -L "$loader" "$root/$loader"
  cp $samples/sunspots.h5 $samples/sunspots.rnn $samples/input.csv "$root/models"
}
chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
in_root() { env -i "$chroot" "$@"; }
works() {
  local root=$1 rnn=$2 version
  version=$(in_root "$root" "$rnn" --version)
  echo "$version"
  grep -q 'HDF5 1' <<< "$version"
  grep -qE "commit +$(git rev-parse --short=7 HEAD 2>/dev/null || echo .)" <<< "$version"
  in_root "$root" "$rnn" convert /models/sunspots.h5 /models/new.rnn
  in_root "$root" "$rnn" verify /models/new.rnn
  in_root "$root" "$rnn" convert /models/new.rnn /models/new.h5
  in_root "$root" "$rnn" diff /models/sunspots.h5 /models/new.h5
  in_root "$root" "$rnn" run /models/new.rnn --input /models/input.csv --output /models/y.npy
}

echo "== $tarball"
mkdir "$scratch/tar"
tar -xJf "$tarball" -C "$scratch/tar" --strip-components=1
bare "$scratch/tar" bin/rnn
works "$scratch/tar" /bin/rnn
# Ubuntu 22.04 has glibc 2.35 and libstdc++ of GCC 12.
[ "$(printf '%s\n' "$(Bindings/Package/needs.py glibc "$scratch/tar/bin")" 2.35 | sort -V | tail -1)" = 2.35 ]
file_is_stripped() { ! readelf -S --wide "$1" | grep -q '\.symtab'; }
file_is_stripped "$scratch/tar/bin/rnn"
file_is_stripped "$scratch/tar/libexec/rnnkit/rnn-hdf5"

if [ -e "$package" ]; then
  echo "== $package"
  dpkg-deb --info "$package" | grep -E ' (Package|Version|Depends|Installed-Size):'
  dpkg-deb --extract "$package" "$scratch/deb"
  dpkg-deb --control "$package" "$scratch/control"
  (cd "$scratch/deb" && md5sum --quiet -c "$scratch/control/md5sums")
  bare "$scratch/deb" usr/bin/rnn
  works "$scratch/deb" /usr/bin/rnn
  cmp "$scratch/tar/models/y.npy" "$scratch/deb/models/y.npy"
fi
echo "dist holds"
