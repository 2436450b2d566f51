import RNNFormats
import RNNModel

/// A whole HDF5 file but for its tensors' bytes, with the places where these belong.
struct HDF5Image {
  private let file: HDF5MemoryFile
  private let placements: [HDF5Writer.Placement]
  private static let pieceSize = 1 << 18

  /// Lays the tree out in memory.
  init(_ tree: HDF5Tree) throws(RNNError) {
    let file = HDF5MemoryFile()
    placements = try HDF5Library.perform(remedy: "rename what HDF5 cannot hold") { () throws(RNNError) in
      var writer = HDF5Writer()
      try writer.write(tree, to: file)
      return writer.placements
    }
    self.file = file
  }

  /// Writes what libhdf5 wrote, then the tensors, from where they are.
  func write(to output: inout OutputFile) throws(RNNError) {
    try file.forEachPage { (offset, bytes) throws(RNNError) in try output.write(bytes, at: offset) }
    for placement in placements {
      try placement.tensor.withUnsafeBytes { (bytes) throws(RNNError) in
        // In pieces: the system copies twice as fast out of mapped files when it need not fault in much at a time.
        for start in stride(from: 0, to: bytes.count, by: Self.pieceSize) {
          let piece = bytes[start..<min(start + Self.pieceSize, bytes.count)]
          try output.write(UnsafeRawBufferPointer(rebasing: piece), at: placement.offset + start)
        }
      }
    }
  }
}
