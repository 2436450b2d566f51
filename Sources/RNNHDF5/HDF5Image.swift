import RNNFormats
import RNNModel

/// An HDF5 file without its tensors' bytes, and the offsets where these belong.
struct HDF5Image {
  private let file: HDF5MemoryFile
  let placements: [HDF5Writer.Placement]

  /// Lays the tree out in memory.
  init(_ tree: HDF5Tree, progress: @escaping () -> Void) throws(RNNError) {
    let file = HDF5MemoryFile()
    placements = try HDF5Library.perform(remedy: "rename what HDF5 cannot hold") { () throws(RNNError) in
      var writer = HDF5Writer(progress: progress)
      try writer.write(tree, to: file)
      return writer.placements
    }
    self.file = file
  }

  /// Writes libhdf5's pages, then the tensors' bytes.
  func write(to output: inout OutputFile) throws(RNNError) {
    try writePages(to: &output)
    for placement in placements { try output.write(placement.tensor, at: placement.offset) }
  }

  /// Writes libhdf5's pages.
  func writePages(to output: inout OutputFile) throws(RNNError) {
    try file.forEachPage { (offset, bytes) throws(RNNError) in try output.write(bytes, at: offset) }
  }
}
