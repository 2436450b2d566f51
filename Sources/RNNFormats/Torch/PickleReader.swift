import RNNModel

/// Reads a pickle that stands alone: a dictionary of names and NumPy arrays or tensors, of any protocol.
struct PickleReader {
  private let file: InputFile

  init(_ file: InputFile) {
    self.file = file
  }

  /// A pickle of protocol 2 to 5 by its first byte; of 0 or 1, which have no such sign, by an opcode that begins a
  /// dictionary or an object, with a STOP at the end.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 2, let last = bytes.last(where: { $0 != 0x0A && $0 != 0x0D }) else { return false }
    if bytes[0] == 0x80 { return (2...5).contains(bytes[1]) }
    guard last == PickleOpcode.stop.rawValue else { return false }
    let starts = ["(dp", "(lp", "}q", "]q", "}(", "](", "(i", "ccopy_reg\n", "ccopyreg\n", "ccollections\n"]
    if starts.contains(where: { bytes.starts(with: $0.utf8) }) { return true }
    // A global: two lines of names.
    let lines = bytes.prefix(Limits.maximumNameLength).dropFirst().split(
      separator: 0x0A, maxSplits: 2, omittingEmptySubsequences: false)
    func isName(_ line: Slice<UnsafeRawBufferPointer>) -> Bool {
      !line.isEmpty && line.allSatisfy { $0 == 0x2E || $0 == 0x5F || Character(Unicode.Scalar($0)).isLetter
        || (0x30...0x39).contains($0) }
    }
    return bytes[0] == PickleOpcode.global.rawValue && lines.count == 3 && isName(lines[0]) && isName(lines[1])
  }

  func archive() throws(RNNError) -> TensorArchive {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      let graph = try PickleMachine.run(&reader, in: file.storage, at: "the pickle")
      let rest = bytes[reader.offset...]
      guard rest.allSatisfy({ $0 == 0x0A || $0 == 0x0D }) else {
        throw RNNError(
          .badData, place: "offset \(reader.offset)", "\(rest.count) bytes after the pickle",
          remedy: "copy the file again, or save it again")
      }
      var tensors = TorchTensors(isBigEndian: false) { description throws(RNNError) in
        try PickledStorage.bytes(of: description, in: graph)
      }
      return try TorchStateDict(TorchObjects(graph)).archive(&tensors)
    }
  }
}
