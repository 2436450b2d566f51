/// The fields of a protobuf message, walked without decoding them.
package struct WireFields {
  package struct Field {
    package var number: Int
    package var wireType: Int
    /// Where the value stands: of a field with a length, the bytes after that.
    package var value: Range<Int>
  }

  /// In the file's order, as far as the bytes are protobuf, and no more than `limit`.
  package private(set) var fields: [Field] = []
  /// Whether the walk came to the end, or to the end inside the last field, as in a file that is cut short.
  package private(set) var isWhole = false
  private let bytes: UnsafeRawBufferPointer

  /// A model has few fields but for its metadata.
  package init(_ bytes: UnsafeRawBufferPointer, atMost limit: Int = 4096) {
    self.bytes = bytes
    var position = 0
    func varint() -> UInt64? {
      var value: UInt64 = 0
      for shift in stride(from: 0, to: 64, by: 7) {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        position += 1
        value |= UInt64(byte & 0x7F) << UInt64(shift)
        if byte < 0x80 { return value }
      }
      return nil
    }
    while position < bytes.count, fields.count < limit {
      guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return }
      var start = position
      switch tag & 7 {
      case 0: guard varint() != nil else { return }
      case 1: position = min(position + 8, bytes.count)
      case 5: position = min(position + 4, bytes.count)
      case 2:
        guard let length = varint() else { return }
        start = position
        position = length > UInt64(bytes.count - position) ? bytes.count : position + Int(length)
      default: return
      }
      fields.append(Field(number: Int(tag >> 3), wireType: Int(tag & 7), value: start..<position))
    }
    isWhole = true
  }

  /// The bytes of a field's value.
  package func bytes(of field: Field) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[field.value])
  }

  /// The message that the first field of that number holds.
  private func message(_ number: Int) -> WireFields? {
    fields.first { $0.number == number && $0.wireType == 2 }.map { WireFields(bytes(of: $0)) }
  }

  /// Whether every field is one of these, of its wire type, and there is at least one.
  private func isOf(_ known: [Int: Int]) -> Bool {
    isWhole && !fields.isEmpty && fields.allSatisfy { known[$0.number] == $0.wireType }
  }

  // MARK: ONNX

  /// Field numbers of `ModelProto` and their wire types.
  private static let model: [Int: Int] = [
    1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2,
  ]
  /// Of `TensorProto`; repeated numbers may be packed or not.
  private static let tensor: [Int: Set<Int>] = [
    1: [0, 2], 2: [0], 3: [2], 4: [2, 5], 5: [0, 2], 6: [2], 7: [0, 2], 8: [2], 9: [2], 10: [1, 2], 11: [0, 2], 12: [2],
    13: [2], 14: [0], 16: [2],
  ]

  /// An IR version and a graph, or as much of a model as comes before the graph, and nothing that a model has not.
  package var areONNXModel: Bool {
    isOf(Self.model) && fields.contains { $0.number == 1 } && fields.contains { [2, 7, 8].contains($0.number) }
      && !areSavedModel
  }

  /// An element type and nothing that a tensor has not.
  package var areONNXTensor: Bool {
    isWhole && fields.allSatisfy { Self.tensor[$0.number]?.contains($0.wireType) ?? false }
      && fields.contains { $0.number == 2 }
  }

  // MARK: TensorFlow and Core ML

  /// TensorFlow's `SavedModel`: a version, and graphs with what belongs to them, where ONNX has the name of a program.
  package var areSavedModel: Bool { isOf([1: 0, 2: 2]) && (message(2)?.areMetaGraph ?? false) }

  /// TensorFlow's `MetaGraphDef`, of a SavedModel or a checkpoint's `.meta`.
  package var areMetaGraph: Bool {
    isOf([1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2]) && (message(2)?.areGraphDef ?? false)
  }

  /// TensorFlow's `GraphDef`, a frozen graph: nodes of a name and an operator.
  package var areGraphDef: Bool {
    guard isOf([1: 2, 2: 2, 3: 0, 4: 2, 5: 2]), let node = message(1),
      node.isOf([1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2]), let kind = node.fields.first(where: { $0.number == 2 })
    else { return false }
    return node.fields[0].number == 1 && node.bytes(of: kind).allSatisfy { (0x21..<0x7F).contains($0) }
  }

  /// Core ML's `Model`: a version, a description, and one of many kinds of model, whose numbers begin at 200.
  package var areCoreML: Bool {
    isWhole && fields.first?.number == 1 && fields.first?.wireType == 0 && fields.dropFirst().first?.number == 2
      && fields.contains { (200..<4000).contains($0.number) && $0.wireType == 2 }
  }
}
