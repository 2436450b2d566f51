import RNNModel

/// A way to read and write HDF5 files: `HDF5Process`, in a process of its own, or `HDF5File` of `RNNHDF5`, in this one.
public protocol HDF5Access: Sendable {
  /// Reads a file's groups, datasets and attributes. Contiguous little-endian datasets share the file's own bytes.
  ///
  /// Throws `badData` for what is damaged or beyond `Limits`, and `inputOutput` where there is no room.
  func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree

  /// Writes a tree. Throws `badData` for a name or an attribute that HDF5 cannot hold, `inputOutput` where writing fails.
  func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError)
}
