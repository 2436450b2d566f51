/// LibLZF's compression, which h5py calls lzf and HDF5 filter 32000.
///
/// A byte below 32 is followed by that many literal bytes and one more. Any other byte begins a copy of bytes that were
/// decoded before: its high three bits are the count less two, where 7 adds the next byte's value, and its low five bits
/// with the copy's last byte the distance less one. A copy may overlap itself.
///
/// Sources: liblzf 3.6, lzf_d.c; h5py, lzf/lzf_filter.c.
package enum LZF {
  /// HDF5's number for the filter.
  package static let filter = 32000

  /// How many bytes `source` decodes to. Nil for more than `limit`, and where it is not LZF: it ends inside a piece, or
  /// copies what is before the first byte.
  package static func decodedCount(_ source: UnsafeRawBufferPointer, atMost limit: Int) -> Int? {
    walk(source, limit) { _, _, _ in } copy: { _, _, _ in }
  }

  /// Decodes `source` into `target`, which must be of the `decodedCount`. False where it is not; then what `target` holds
  /// means nothing.
  package static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
    let count = walk(source, target.count) { start, count, end in
      for index in 0..<count { target[end + index] = source[start + index] }
    } copy: { start, count, end in
      // Byte by byte: what is copied may be what was copied just before.
      for index in 0..<count { target[end + index] = target[start + index] }
    }
    return count == target.count
  }

  /// Calls `literals` and `copy` with where a piece's bytes come from, in the source or among those decoded, how many
  /// there are, and how many were decoded before. Returns how many there are of all pieces.
  @inline(__always)
  private static func walk(
    _ source: UnsafeRawBufferPointer, _ limit: Int, literals: (_ start: Int, _ count: Int, _ end: Int) -> Void,
    copy: (_ start: Int, _ count: Int, _ end: Int) -> Void
  ) -> Int? {
    var read = 0
    var end = 0
    while read < source.count {
      let control = Int(source[read])
      read += 1
      if control < 32 {
        let count = control + 1
        guard count <= source.count - read, count <= limit - end else { return nil }
        literals(read, count, end)
        read += count
        end += count
      } else {
        var count = control >> 5
        if count == 7 {
          guard read < source.count else { return nil }
          count += Int(source[read])
          read += 1
        }
        count += 2
        guard read < source.count else { return nil }
        let distance = (control & 31) << 8 + Int(source[read]) + 1
        read += 1
        guard distance <= end, count <= limit - end else { return nil }
        copy(end - distance, count, end)
        end += count
      }
    }
    return end
  }
}
