import CHDF5
import RNNFormats
import RNNModel
import Synchronization

/// LZF as a read-only filter of libhdf5.
enum HDF5LZF {
  /// Bytes of a chunk of the dataset that is being read; 0 if unknown.
  private static let chunkSize = Atomic(0)

  /// Registers the filter with libhdf5, unless it has one already.
  static func register() {
    if H5Zfilter_avail(H5Z_filter_t(LZF.filter)) <= 0 {
      rnn_h5z_register_lzf { flags, _, _, count, room, bytes in HDF5LZF.decode(flags, count, room, bytes) }
    }
    H5Eclear2(hid_t(H5E_DEFAULT))
  }

  /// Sets the size that a chunk must decode to. libhdf5 1.10 does not check it, and would read past a shorter chunk.
  static func expect(chunkSize: Int) {
    self.chunkSize.store(chunkSize, ordering: .relaxed)
  }

  /// A checksum may have been appended to the chunk before it was compressed.
  private static let checksumSize = 4

  /// The filter: replaces `count` bytes by their decoded bytes and returns the new number of bytes, 0 on failure.
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
