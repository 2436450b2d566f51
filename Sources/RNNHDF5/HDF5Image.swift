import CHDF5
import RNNFormats
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A whole HDF5 file but for its tensors' bytes, with the places where these belong.
///
/// libhdf5 makes it in memory, with room for every tensor left as holes that take none: on a full disk libhdf5 1.10 fails to
/// close a file and ends the process by a signal at its exit, so it never writes to a disk.
struct HDF5Image: ~Copyable {
  private let descriptor: Int32
  private let size: Int
  private let tensors: [HDF5Writer.Placement]

  init(_ tree: HDF5Tree) throws(RNNError) {
    let descriptor = try Self.memoryFile()
    let (tensors, size): ([HDF5Writer.Placement], Int)
    do throws(RNNError) {
      (tensors, size) = try Self.layOut(tree, descriptor)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.tensors = tensors
    self.size = size
  }

  private static func layOut(
    _ tree: HDF5Tree, _ descriptor: Int32
  ) throws(RNNError) -> (tensors: [HDF5Writer.Placement], size: Int) {
    let tensors = try HDF5Library.perform { () throws(RNNError) in
      var writer = HDF5Writer()
      try writer.write(tree, to: descriptorPath(descriptor))
      return writer.placements
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failed(errno) }
    return (tensors, Int(status.st_size))
  }

  deinit { close(descriptor) }

  /// Writes what libhdf5 wrote, then the tensors.
  func write(to file: inout OutputFile) throws(RNNError) {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var offset = 0
    while let (start, end) = nextData(from: offset) {
      offset = start
      while offset < end {
        let count = pread(descriptor, &chunk, min(chunk.count, end - offset), off_t(offset))
        guard count > 0 else { throw Self.failed(count == 0 ? EIO : errno) }
        try chunk.withUnsafeBufferPointer { (bytes) throws(RNNError) in
          try file.write(UnsafeRawBufferPointer(start: bytes.baseAddress, count: count), at: offset)
        }
        offset += count
      }
    }
    var end = offset
    for placement in tensors {
      try placement.tensor.withUnsafeBytes { (bytes) throws(RNNError) in
        var start = 0
        while start < bytes.count {
          let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 8 << 20, bytes.count)])
          try file.write(piece, at: placement.offset + start)
          start += piece.count
        }
      }
      end = max(end, placement.offset + placement.tensor.byteCount)
    }
    if end < size {
      let zero: UInt8 = 0
      try withUnsafeBytes(of: zero) { (zero) throws(RNNError) in try file.write(zero, at: size - 1) }
    }
  }

  /// The next run of bytes that are no hole.
  private func nextData(from offset: Int) -> (start: Int, end: Int)? {
    guard offset < size else { return nil }
    #if os(Linux)
      let start = lseek(descriptor, off_t(offset), Int32(RNN_SEEK_DATA))
      guard start >= 0 else { return errno == ENXIO ? nil : (offset, size) }
      let end = lseek(descriptor, start, Int32(RNN_SEEK_HOLE))
      return (Int(start), end < 0 ? size : Int(end))
    #else
      return (offset, size)
    #endif
  }

  private static func memoryFile() throws(RNNError) -> Int32 {
    #if os(Linux)
      let descriptor = memfd_create("rnnkit-hdf5", UInt32(RNN_MFD_CLOEXEC))
      guard descriptor >= 0 else { throw failed(errno) }
      return descriptor
    #else
      return try ScratchSpace.namelessFile(0)
    #endif
  }

  private static func failed(_ code: Int32) -> RNNError {
    RNNError(.inputOutput, "the file's structure cannot be laid out in memory: \(String(cString: strerror(code)))",
      remedy: "free some memory")
  }
}
