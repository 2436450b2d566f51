import CHDF5
import RNNFormats
import RNNModel
import Synchronization

/// LZF as a filter of libhdf5, for reading alone.
enum HDF5LZF {
  /// Bytes of a chunk of the dataset that is being read; 0 where that is not known.
  private static let chunkSize = Atomic(0)

  /// Tells libhdf5 of the filter, unless it has one already.
  static func register() {
    if H5Zfilter_avail(H5Z_filter_t(LZF.filter)) <= 0 {
      rnn_h5z_register_lzf { flags, _, _, count, room, bytes in HDF5LZF.decode(flags, count, room, bytes) }
    }
    H5Eclear2(hid_t(H5E_DEFAULT))
  }

  /// Says what a chunk must decode to: libhdf5 1.10 does not compare, and would take whatever comes after it in memory.
  static func expect(chunkSize: Int) {
    self.chunkSize.store(chunkSize, ordering: .relaxed)
  }

  /// A checksum may have been put behind the chunk's bytes before it was compressed.
  private static let checksumSize = 4

  /// The filter: puts what `count` bytes decode to in their place and returns how many there are now, 0 for failure.
  private static func decode(
    _ flags: UInt32, _ count: Int, _ room: UnsafeMutablePointer<Int>?,
    _ bytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> Int {
    guard flags & UInt32(H5Z_FLAG_REVERSE) != 0, let room, let bytes, let old = bytes.pointee, count <= room.pointee
    else { return 0 }
    let source = UnsafeRawBufferPointer(start: old, count: count)
    let expected = chunkSize.load(ordering: .relaxed)
    let most = (expected > 0 ? expected : Limits.maximumChunkSize) + checksumSize
    guard let size = LZF.decodedCount(source, atMost: most), size > 0, size >= expected,
      let new = H5allocate_memory(size, false)
    else { return 0 }
    guard LZF.decode(source, into: UnsafeMutableRawBufferPointer(start: new, count: size)) else {
      H5free_memory(new)
      return 0
    }
    H5free_memory(old)
    bytes.pointee = new
    room.pointee = size
    return size
  }
}
