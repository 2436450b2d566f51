import RNNModel

/// Reads a pickle that stands alone: a dictionary of names and NumPy arrays or tensors, of any protocol.
struct PickleReader {
  private let file: InputFile

  init(_ file: InputFile) {
    self.file = file
  }

  /// A pickle of protocol 2 to 5 by its first byte. Those of 0 and 1 have no such sign: by how nearly all of them begin,
  /// else by that all of it is a pickle.
  static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { bytes in
      guard bytes.count > 2, let last = bytes.last(where: { !isSpace($0) }) else { return false }
      if bytes[0] == 0x80 { return (2...5).contains(bytes[1]) }
      guard last == PickleOpcode.stop.rawValue else { return false }
      let starts = ["(dp", "(lp", "}q", "]q", "ccopy_reg\n", "ccopyreg\n", "ccollections\n"]
      if starts.contains(where: { bytes.starts(with: $0.utf8) }) { return true }
      guard "(c}])".utf8.contains(bytes[0]) else { return false }
      var reader = ByteReader(bytes)
      guard (try? PickleMachine.run(&reader, in: file.storage, at: "the pickle")) != nil else { return false }
      return bytes[reader.offset...].allSatisfy(isSpace)
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

  func archive() throws(RNNError) -> TensorArchive {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      let graph = try PickleMachine.run(&reader, in: file.storage, at: "the pickle")
      let rest = bytes[reader.offset...]
      guard rest.allSatisfy(Self.isSpace) else {
        throw RNNError(
          .badData, place: "offset \(reader.offset)", "\(rest.count) bytes after the pickle",
          remedy: "copy the file again, or save it again")
      }
      var tensors = TorchTensors(isBigEndian: false) { description throws(RNNError) in
        try PickledStorage.bytes(of: description, in: graph)
      }
      return try TorchStateDict(TorchObjects(graph), of: file).archive(&tensors)
    }
  }
}
