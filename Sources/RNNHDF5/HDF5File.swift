import RNNFormats
import RNNModel

/// HDF5 files, read and written whole through libhdf5 in this process.
///
/// libhdf5 has defects that a hostile file can use to end or take over the process. Read a stranger's file in a process
/// of its own.
public enum HDF5File {
  /// Reads the file at a path; see `readTree(_: InputFile)`.
  public static func readTree(_ path: String) throws(RNNError) -> HDF5Tree {
    try readTree(InputFile(path))
  }

  /// Reads a file's groups, datasets and attributes.
  ///
  /// Contiguous little-endian datasets are mapped; the others are unpacked or converted, large ones into a nameless
  /// temporary file. No other file is ever opened: links and datasets that lead out of this one are listed as
  /// unreadable. So is what a tree cannot hold. Throws `badData` for what is damaged or beyond `Limits`, and
  /// `inputOutput` where there is no room.
  public static func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree {
    do throws(RNNError) {
      return try HDF5Library.perform(remedy: "check the file with h5dump; it may be damaged") { () throws(RNNError) in
        var reader = HDF5Reader(file.storage)
        return try reader.tree()
      }
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
  /// Datasets are contiguous, each at a multiple of 64 bytes, and written from where they are; groups keep their order
  /// where they are ordered; no times are stored, so the same tree gives the same bytes. Throws `badData` for a name or
  /// an attribute that HDF5 cannot hold, `inputOutput` where writing fails. The tree's `unreadable` is not looked at.
  public static func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError) {
    do throws(RNNError) {
      try HDF5Image(tree).write(to: &file)
    } catch {
      throw error.inFile(file.path)
    }
  }
}
