import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Room for bytes that a file does not hold as they are needed: compressed, byte-swapped, transposed.
///
/// Small ones are in memory. Large ones are in a mapped temporary file without a name, so that the system can write
/// them out and a model of any size fits.
package enum ScratchStorage {
  /// From this many bytes on, a file is used.
  package static let fileThreshold = 16 << 20

  /// Makes `count` bytes, zero at first, and lets `fill` write them. Throws `inputOutput` where there is no room.
  package static func make(
    count: Int, fill: (UnsafeMutableRawBufferPointer) throws(RNNError) -> Void
  ) throws(RNNError) -> TensorStorage {
    guard count >= fileThreshold else { return try TensorStorage(count: count, fill: fill) }
    let base = try map(count)
    let address = UInt(bitPattern: base)
    // From here on the mapping is released whatever happens.
    let storage = TensorStorage(UnsafeRawBufferPointer(start: base, count: count)) {
      munmap(UnsafeMutableRawPointer(bitPattern: address), count)
    }
    try fill(UnsafeMutableRawBufferPointer(start: base, count: count))
    return storage
  }

  private static func map(_ count: Int) throws(RNNError) -> UnsafeMutableRawPointer {
    let file = try ScratchFile()
    defer { withExtendedLifetime(file) {} }
    let (descriptor, folder) = (file.descriptor, file.folder)
    // Room is claimed now: a full disk is an error here, and a signal in the middle of a write to the mapping.
    #if os(Linux)
      let code = posix_fallocate(descriptor, 0, off_t(count))
    #else
      let code = ftruncate(descriptor, off_t(count)) == 0 ? 0 : errno
    #endif
    guard code == 0 else { throw failed(count, folder, code) }
    guard let base = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw failed(count, folder, errno)
    }
    return base
  }

  private static func failed(_ count: Int, _ folder: String, _ code: Int32) -> RNNError {
    RNNError(.inputOutput, file: folder, "no room for \(count) temporary bytes: \(systemMessage(code))",
      remedy: "free some space, or set TMPDIR to a folder that has it")
  }
}

extension TensorStorage {
  /// Addresses for so many bytes that nobody may touch, for tensors of which only type and shape are meant.
  package static func unreadable(count: Int) throws(RNNError) -> TensorStorage {
    guard count > 0 else { return TensorStorage(UnsafeRawBufferPointer(start: nil, count: 0)) {} }
    guard let base = mmap(nil, count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
      throw RNNError(.badData, "a tensor of \(count) bytes, larger than any file", remedy: "carry fewer tensors")
    }
    let address = UInt(bitPattern: base)
    return TensorStorage(UnsafeRawBufferPointer(start: base, count: count)) {
      munmap(UnsafeMutableRawPointer(bitPattern: address), count)
    }
  }
}
