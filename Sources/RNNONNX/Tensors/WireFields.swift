/// The outermost fields of a protobuf message, walked without decoding it.
struct WireFields {
  /// Field numbers with their wire types, in the file's order, as far as the bytes are protobuf.
  private(set) var fields: [(number: Int, wireType: Int)] = []
  /// Whether the walk came to the end, or to the end inside the last field, as in a file that is cut short.
  private(set) var isWhole = false

  init(_ bytes: UnsafeRawBufferPointer) {
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
    // A model has few fields but for its metadata.
    while position < bytes.count, fields.count < 4096 {
      guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return }
      fields.append((Int(tag >> 3), Int(tag & 7)))
      switch tag & 7 {
      case 0: guard varint() != nil else { return }
      case 1: position += 8
      case 5: position += 4
      case 2:
        guard let length = varint() else { return }
        position = length > UInt64(bytes.count - position) ? bytes.count : position + Int(length)
      default: return
      }
    }
    isWhole = true
  }

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
  var areModel: Bool {
    isWhole && fields.allSatisfy { Self.model[$0.number] == $0.wireType } && fields.contains { $0.number == 1 }
      && fields.contains { [2, 7, 8].contains($0.number) }
  }

  /// An element type and nothing that a tensor has not.
  var areTensor: Bool {
    isWhole && fields.allSatisfy { Self.tensor[$0.number]?.contains($0.wireType) ?? false }
      && fields.contains { $0.number == 2 }
  }
}
