import CHDF5
import RNNFormats
import RNNModel

/// HDF5 files, read and written whole through libhdf5 in this process.
///
/// libhdf5 has defects that a hostile file can use to end or take over the process that reads it: of the published files
/// that show them, libhdf5 1.10.8 ends by a signal on 21 and never returns on 4. `HDF5Process` of `RNNFormats` does the
/// same work in a process of its own, as the command does. Read through `HDF5File` only what you or people you trust have
/// written.
public struct HDF5File: HDF5Access {
  public init() {}

  /// Reads the file at a path; see `readTree(_: InputFile)`.
  public func readTree(_ path: String) throws(RNNError) -> HDF5Tree {
    try readTree(InputFile(path))
  }

  /// Reads a file's groups, datasets and attributes.
  ///
  /// Contiguous little-endian datasets are mapped; the others are unpacked or converted, large ones into a nameless
  /// temporary file. No other file is ever opened: links and datasets that lead out of this one are listed as
  /// unreadable. So is what a tree cannot hold. Throws `badData` for what is damaged or beyond `Limits`, and
  /// `inputOutput` where there is no room.
  public func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    try Self.readTree(file, unpackingInto: nil) {}
  }

  /// The same with an open, empty file as the room for what is unpacked, and `progress` called for each
  /// `HDF5Progress.unit` of work.
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

  /// Starts libhdf5, which may open files of its own then and opens none later.
  package static func prepare() throws(RNNError) {
    try HDF5Library.perform(remedy: "check the installation of libhdf5") { () throws(RNNError) in }
  }

  /// The version of the libhdf5 that runs: `1.10.8`.
  package static var libraryVersion: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// Writes all of a tree's file but the bytes of its datasets, whose offsets it returns, for those that have any.
  /// `progress` is called for each `HDF5Progress.unit` of work.
  package static func layOut(
    _ tree: HDF5Tree, in file: inout OutputFile, progress: @escaping () -> Void
  ) throws(RNNError) -> [Int] {
    let image = try HDF5Image(tree, progress: progress)
    try image.writePages(to: &file)
    return image.placements.map(\.offset)
  }

  /// Writes a tree; see `write(_:to:)` for an open output. An existing file is replaced, in one step.
  public func write(_ tree: HDF5Tree, to path: String) throws(RNNError) {
    var file = try OutputFile(path, replacing: true)
    try write(tree, to: &file)
    try file.commit()
  }

  /// Writes a tree as an HDF5 file that libhdf5 1.8 and later read.
  ///
  /// Datasets are contiguous, each at a multiple of 64 bytes, and written from where they are; groups keep their order
  /// where they are ordered; no times are stored, so the same tree gives the same bytes. Throws `badData` for a name or
  /// an attribute that HDF5 cannot hold, `inputOutput` where writing fails. The tree's `unreadable` is not looked at.
  public func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    do throws(RNNError) {
      try HDF5Image(tree) {}.write(to: &file)
    } catch {
      throw error.inFile(file.path)
    }
  }
}
