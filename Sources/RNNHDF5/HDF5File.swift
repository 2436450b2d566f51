import CHDF5
import RNNFormats
import RNNModel

/// Reads and writes whole HDF5 files with libhdf5 in this process.
///
/// libhdf5 has bugs that a malicious file can use to crash or take over the process that reads it: of 137 published
/// files that show them, libhdf5 1.10.8 crashes on 21 and never returns from 4. `HDF5Process` in `RNNFormats` does the
/// same work in a separate process, as the command does. Use `HDF5File` only for files that you or people you trust have
/// written.
public struct HDF5File: HDF5Access {
  public init() {}

  /// Reads the file at a path; see `readTree(_: InputFile)`.
  public func readTree(_ path: String) throws(RNNError) -> HDF5Tree {
    try readTree(InputFile(path))
  }

  /// Reads a file's groups, datasets and attributes.
  ///
  /// Contiguous little-endian datasets are mapped; the others are unpacked or converted, large ones into an unnamed
  /// temporary file. No other file is ever opened: links and datasets that lead out of this file are listed as
  /// unreadable, as is anything that a tree cannot hold. Throws `badData` for a file that is damaged or exceeds `Limits`,
  /// and `inputOutput` if there is no space.
  public func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    try Self.readTree(file, unpackingInto: nil) {}
  }

  /// The same, unpacking into an open, empty file. `progress` is called for each `HDF5Progress.unit` of work.
  package static func readTree(
    _ file: InputFile, unpackingInto descriptor: Int32?, progress: @escaping () -> Void
  ) throws(RNNError) -> HDF5Tree {
    do throws(RNNError) {
      return try HDF5Library.perform(remedy: "check the file with h5dump; it may be damaged") { () throws(RNNError) in
        var reader = HDF5Reader(file.storage, scratch: ScratchSpace(descriptor), progress: progress)
        return try reader.tree()
      }
    } catch {
      throw error.inFile(file.path)
    }
  }

  /// Starts libhdf5. It may open files of its own now, but not later.
  package static func prepare() throws(RNNError) {
    try HDF5Library.perform(remedy: "check the installation of libhdf5") { () throws(RNNError) in }
  }

  /// The version of the linked libhdf5, such as `1.10.8`.
  package static var libraryVersion: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// Writes a tree's file without the bytes of its datasets. Returns the offsets of the datasets that are not empty.
  /// `progress` is called for each `HDF5Progress.unit` of work.
  package static func layOut(
    _ tree: HDF5Tree, in file: inout OutputFile, progress: @escaping () -> Void
  ) throws(RNNError) -> [Int] {
    let image = try HDF5Image(tree, progress: progress)
    try image.writePages(to: &file)
    return image.placements.map(\.offset)
  }

  /// Writes a tree to a path, atomically replacing an existing file; see `write(_:to:)` for an open output.
  public func write(_ tree: HDF5Tree, to path: String) throws(RNNError) {
    var file = try OutputFile(path, replacing: true)
    try write(tree, to: &file)
    try file.commit()
  }

  /// Writes a tree as an HDF5 file that libhdf5 1.8 and later can read.
  ///
  /// Datasets are contiguous, aligned to 64 bytes, and written without a copy in memory. Ordered groups keep their order.
  /// No times are stored, so the same tree gives the same bytes. Throws `badData` for a name or an attribute that HDF5
  /// cannot hold, and `inputOutput` if writing fails. The tree's `unreadable` is ignored.
  public func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    do throws(RNNError) {
      try HDF5Image(tree) {}.write(to: &file)
    } catch {
      throw error.inFile(file.path)
    }
  }
}
