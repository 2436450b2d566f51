import RNNModel

/// Reads and writes HDF5 files: `HDF5Process` in a separate process, or `HDF5File` from `RNNHDF5` in this process.
public protocol HDF5Access: Sendable {
  /// Reads a file's groups, datasets and attributes. Contiguous little-endian datasets share the file's own bytes.
  ///
  /// Throws `badData` for a file that is damaged or exceeds `Limits`, and `inputOutput` if there is no space.
  func readTree(_ file: InputFile) throws(RNNError) -> HDF5Tree

  /// Writes a tree. Throws `badData` for a name or an attribute that HDF5 cannot hold, and `inputOutput` if writing fails.
  func write(_ tree: HDF5Tree, to file: inout OutputFile) throws(RNNError)
}
