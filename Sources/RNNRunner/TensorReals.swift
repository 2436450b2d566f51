import RNNModel

extension Tensor {
  /// Widens or rounds `count` elements from `first` on into `target`. Float types only: the others leave zeros.
  func copyReals<R: Real>(from first: Int, count: Int, to target: UnsafeMutablePointer<R>) {
    copyRows(from: first, count: count, rows: 1, stride: 0, to: target, 0)
  }

  /// The same of several rows, `stride` elements from one to the next.
  func copyRows<R: Real>(
    from first: Int, count: Int, rows: Int, stride: Int, to target: UnsafeMutablePointer<R>, _ targetStride: Int
  ) {
    withUnsafeBytes { bytes in
      func each<Value>(_ type: Value.Type, _ convert: (Value) -> R) {
        for row in 0..<rows {
          let from = first + row * stride, to = target + row * targetStride
          for index in 0..<count {
            let offset = (from + index) * MemoryLayout<Value>.size
            to[index] = convert(bytes.loadUnaligned(fromByteOffset: offset, as: type))
          }
        }
      }
      switch elementType {
      case .float64: each(Double.self) { R($0) }
      case .float32: each(Float.self) { R($0) }
      case .float16: each(UInt16.self) { R(Float(halfBits: $0)) }
      case .bfloat16: each(UInt16.self) { R(Float(bitPattern: UInt32($0) << 16)) }
      default: for row in 0..<rows { (target + row * targetStride).update(repeating: 0, count: count) }
      }
    }
  }

  /// All elements, widened or rounded.
  func reals<R: Real>(_ type: R.Type) -> [R] {
    [R](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { copyReals(from: 0, count: count, to: base) }
      initialized = count
    }
  }

  /// The whole number at a position; nil where the type is none or the number does not fit.
  func integer(at index: Int) -> Int? {
    withUnsafeBytes { bytes -> Int? in
      func load<Value: BinaryInteger>(_ type: Value.Type) -> Int? {
        Int(exactly: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Value>.size, as: type))
      }
      switch elementType {
      case .int64: return load(Int64.self)
      case .int32: return load(Int32.self)
      case .int16: return load(Int16.self)
      case .int8: return load(Int8.self)
      case .uint64: return load(UInt64.self)
      case .uint32: return load(UInt32.self)
      case .uint16: return load(UInt16.self)
      case .uint8: return load(UInt8.self)
      default: return nil
      }
    }
  }
}
