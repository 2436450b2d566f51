import RNNFormats
import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// HDF5 files, read and written whole through libhdf5 in this process.
///
/// libhdf5 has defects that a hostile file can use to end or take over the process. Read a stranger's file in a process of
/// its own.
public enum HDF5File {
  /// Reads the file at a path; see `readTree(_: InputFile)`.
  public static func readTree(_ path: String) throws(RNNError) -> HDF5Tree {
    try readTree(InputFile(path))
  }

  /// Reads a file's groups, datasets and attributes.
  ///
  /// Contiguous little-endian datasets are mapped; the others are unpacked or converted, large ones into a nameless temporary
  /// file. No other file is ever opened: links and datasets that lead out of this one are listed as unreadable. So is what a
  /// tree cannot hold. Throws `badData` for what is damaged or beyond `Limits`, and `inputOutput` where there is no room.
  public static func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    do throws(RNNError) {
      guard let descriptor = file.descriptor else { return try readFromMemory(file) }
      return try readTree(descriptor, file.storage)
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// Writes a tree; see `write(_:to:)` for an open output. An existing file is replaced, in one step.
  public static func write(_ tree: HDF5Tree, to path: String) throws(RNNError) {
    var file = try OutputFile(path, replacing: true)
    try write(tree, to: &file)
    try file.commit()
  }

  /// Writes a tree as an HDF5 file that libhdf5 1.8 and later read.
  ///
  /// Datasets are contiguous, each at a multiple of 64 bytes, and written from where they are; groups keep their order where
  /// they are ordered; no times are stored, so the same tree gives the same bytes. Throws `badData` for a name or an
  /// attribute that HDF5 cannot hold, `inputOutput` where writing fails. The tree's `unreadable` is not looked at.
  public static func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    do throws(RNNError) {
      let image = try HDF5Image(tree)
      try image.write(to: &file)
    } catch {
      throw error.inFile(file.path)
    }
  }

  private static func readTree(_ descriptor: Int32, _ storage: TensorStorage) throws(RNNError) -> HDF5Tree {
    // Under the number of the open file, so that libhdf5 reads what is mapped even where the path's file has been replaced.
    try HDF5Library.perform { () throws(RNNError) in
      var reader = HDF5Reader(storage)
      return try reader.tree(descriptorPath(descriptor))
    }
  }

  /// Bytes that came through a pipe: libhdf5 is given them as a nameless file.
  private static func readFromMemory(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    let descriptor = try ScratchSpace.namelessFile(file.count)
    defer { close(descriptor) }
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(done))
        if count < 0 {
          if errno == EINTR { continue }
          throw ScratchSpace.failed(bytes.count, errno)
        }
        done += count
      }
    }
    return try readTree(descriptor, file.storage)
  }
}

/// A path under which this process can open an open file again.
func descriptorPath(_ descriptor: Int32) -> String {
  #if os(Linux)
    "/proc/self/fd/\(descriptor)"
  #else
    "/dev/fd/\(descriptor)"
  #endif
}
