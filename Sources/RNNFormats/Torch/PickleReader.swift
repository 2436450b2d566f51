import RNNModel

/// Reads a pickle that stands alone: a dictionary of names and NumPy arrays or tensors, of any protocol.
struct PickleReader {
  private let file: InputFile

  /// The pickle and where it ends, once it has been read.
  private var pickle: (graph: PickleGraph, end: Int)?

  /// Nil for what is no pickle. Those of protocol 2 to 5 are known by their first byte. Those of 0 and 1 have no such sign:
  /// by how nearly all of them begin, else by that all of it is a pickle.
  init?(_ file: InputFile) {
    self.file = file
    let isPickle = file.withUnsafeBytes { bytes in
      guard bytes.count > 2, let last = bytes.last(where: { !Self.isSpace($0) }) else { return false }
      if bytes[0] == 0x80 { return (2...5).contains(bytes[1]) }
      guard last == PickleOpcode.stop.rawValue else { return false }
      let starts = ["(dp", "(lp", "}q", "]q", "ccopy_reg\n", "ccopyreg\n", "ccollections\n"]
      if starts.contains(where: { bytes.starts(with: $0.utf8) }) { return true }
      guard "(c}])".utf8.contains(bytes[0]), let read = try? Self.read(file) else { return false }
      pickle = read
      return bytes[read.end...].allSatisfy(Self.isSpace)
    }
    guard isPickle else { return nil }
  }

  private static func read(_ file: InputFile) throws(RNNError) -> (graph: PickleGraph, end: Int) {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      let graph = try PickleMachine.run(&reader, in: file.storage, at: "the pickle")
      return (graph, reader.offset)
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

  func archive(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    let (graph, end) = if let pickle { pickle } else { try Self.read(file) }
    guard file.withUnsafeBytes({ $0[end...].allSatisfy(Self.isSpace) }) else {
      throw RNNError(
        .badData, place: "offset \(end)", "\(file.count - end) bytes after the pickle",
        remedy: "copy the file again, or save it again")
    }
    var tensors = TorchTensors(isBigEndian: false) { description throws(RNNError) in
      try PickledStorage.bytes(of: description, in: graph)
    }
    return try TorchStateDict(TorchObjects(graph), request).archive(&tensors)
  }
}
