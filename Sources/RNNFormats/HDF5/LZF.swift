/// LibLZF's compression: h5py calls it lzf, HDF5 filter 32000.
///
/// A byte n below 32 is followed by n + 1 literal bytes. Any other byte begins a copy of bytes that were decoded before:
/// its high three bits are the count minus two (7 adds the next byte's value), and its low five bits with the last byte
/// of the copy are the distance minus one. A copy may overlap itself.
///
/// Sources: liblzf 3.6, lzf_d.c; h5py, lzf/lzf_filter.c.
package enum LZF {
  /// HDF5's number for the filter.
  package static let filter = 32000

  /// The number of bytes that `source` decodes to. Nil if it is more than `limit`, or if `source` is not LZF: it ends
  /// inside a token, or copies from before the first byte.
  package static func decodedCount(_ source: UnsafeRawBufferPointer, atMost limit: Int) -> Int? {
    walk(source, limit) { _, _, _ in } copy: { _, _, _ in }
  }

  /// Decodes `source` into `target`, which must have `decodedCount` bytes. If it does not, returns false, and the content
  /// of `target` is undefined.
  package static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
    let count = walk(source, target.count) { start, count, end in
      for index in 0..<count { target[end + index] = source[start + index] }
    } copy: { start, count, end in
      // Byte by byte, because a copy may overlap itself.
      for index in 0..<count { target[end + index] = target[start + index] }
    }
    return count == target.count
  }

  /// Calls `literals` or `copy` for each token, with the start of its bytes in the source or in the output, their count,
  /// and the output size so far. Returns the total output size.
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
