import RNNModel

/// Writes tensors as nested lists, numbers as Python's `tensor.tolist()` gives them to `json.dump`: a float32 or
/// smaller as the shortest decimal that gives its value back in float64, so every reader gets the same bits.
enum JSONTensorWriter {
  /// Appends a tensor to the file in pieces. Refuses what JSON has no text for.
  static func write(_ tensor: NamedTensor, to file: inout OutputFile) throws(RNNError) {
    let shape = tensor.tensor.shape
    try check(tensor)
    var text: [UInt8] = []
    // Lists that hold nothing are written out to the first empty axis; a reader cannot see further.
    let rank = shape.dimensions.firstIndex(of: 0).map { $0 + 1 } ?? shape.rank
    let elementCount = shape.count
    try tensor.tensor.withUnsafeBytes { (bytes) throws(RNNError) in
      var index = 0
      func list(_ level: Int) throws(RNNError) {
        guard level < rank else {
          if index < elementCount { append(bytes, index, tensor.tensor.elementType, to: &text) }
          index += 1
          return
        }
        text.append(UInt8(ascii: "["))
        for position in 0..<shape[level] {
          if position > 0 { text.append(contentsOf: ", ".utf8) }
          try list(level + 1)
        }
        text.append(UInt8(ascii: "]"))
        if text.count > 1 << 16 {
          try file.write(text)
          text.removeAll(keepingCapacity: true)
        }
      }
      try list(0)
    }
    try file.write(text)
  }

  private static func check(_ tensor: NamedTensor) throws(RNNError) {
    func refuse(_ what: String) -> RNNError {
      RNNError(.badData, place: "tensor \(tensor.name)", "JSON cannot hold \(what)", remedy: "write another format")
    }
    let nan: (Int) -> Bool
    switch tensor.tensor.elementType {
    case .complex64, .complex128, .float8_e4m3fn, .float8_e5m2:
      throw refuse("\(tensor.tensor.elementType.rawValue) elements")
    case .float64: nan = { $0 & 0x7FFF_FFFF_FFFF_FFFF > 0x7FF0_0000_0000_0000 && $0 != 0x7FF8_0000_0000_0000 }
    case .float32: nan = { $0 & 0x7FFF_FFFF > 0x7F80_0000 && $0 != 0x7FC0_0000 }
    case .float16: nan = { $0 & 0x7FFF > 0x7C00 && $0 != 0x7E00 }
    case .bfloat16: nan = { $0 & 0x7FFF > 0x7F80 && $0 != 0x7FC0 }
    default: return
    }
    // A NaN's sign and payload would be lost.
    let hasOddNaN = tensor.tensor.withUnsafeBytes { bytes in
      let size = tensor.tensor.elementType.byteCount
      return stride(from: 0, to: bytes.count, by: size).contains { offset in
        switch size {
        case 8: nan(bytes.loadUnaligned(fromByteOffset: offset, as: Int.self))
        case 4: nan(Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        default: nan(Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
        }
      }
    }
    if hasOddNaN { throw refuse("the bits of its NaN") }
  }

  private static func append(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ type: ElementType, to text: inout [UInt8]
  ) {
    func load<Value>(_ type: Value.Type) -> Value {
      bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: type)
    }
    func add(_ value: Double) {
      text.append(
        contentsOf: value.isFinite
          ? value.description.utf8 : value.isNaN ? "NaN".utf8 : value < 0 ? "-Infinity".utf8 : "Infinity".utf8)
    }
    switch type {
    case .float64: add(load(Double.self))
    case .float32: add(Double(load(Float.self)))
    case .float16: add(Double(Float(halfBits: load(UInt16.self))))
    case .bfloat16: add(Double(Float(bitPattern: UInt32(load(UInt16.self)) << 16)))
    case .int64: text.append(contentsOf: load(Int64.self).description.utf8)
    case .int32: text.append(contentsOf: load(Int32.self).description.utf8)
    case .int16: text.append(contentsOf: load(Int16.self).description.utf8)
    case .int8: text.append(contentsOf: load(Int8.self).description.utf8)
    case .uint64: text.append(contentsOf: load(UInt64.self).description.utf8)
    case .uint32: text.append(contentsOf: load(UInt32.self).description.utf8)
    case .uint16: text.append(contentsOf: load(UInt16.self).description.utf8)
    case .bool: text.append(contentsOf: load(UInt8.self) == 0 ? "false".utf8 : "true".utf8)
    default: text.append(contentsOf: load(UInt8.self).description.utf8)
    }
  }
}
