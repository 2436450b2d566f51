import RNNModel

/// Copies of tensors with their elements in another order, in scratch storage where large; no bit of an element
/// changes.
extension Tensor {
  /// The elements at `offset` + Σ index · stride, for every index of `shape`, in row-major order. Offset and strides
  /// count elements of this tensor and may be negative. Nil where one lies outside.
  package func gathered(_ shape: Shape, strides: [Int], offset: Int = 0) throws(RNNError) -> Tensor? {
    guard strides.count == shape.rank, Self.fits(shape, strides, offset, count: count) else { return nil }
    let size = elementType.byteCount
    return try withUnsafeBytes { (source) throws(RNNError) in
      try Tensor.made(elementType, shape) { target in
        switch size {
        case 1: Self.gather(UInt8.self, source, target, shape, strides, offset)
        case 2: Self.gather(UInt16.self, source, target, shape, strides, offset)
        case 4: Self.gather(UInt32.self, source, target, shape, strides, offset)
        case 8: Self.gather(UInt64.self, source, target, shape, strides, offset)
        default: Self.gather(SIMD2<UInt64>.self, source, target, shape, strides, offset)
        }
      }
    }
  }

  /// A tensor in scratch storage. Nil where its size overflows.
  package static func made(
    _ type: ElementType, _ shape: Shape, fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(RNNError) -> Tensor? {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { return nil }
    let storage = try ScratchSpace.shared.storage(size) { (room) throws(RNNError) in fill(room.bytes) }
    return Tensor(type, shape, in: storage)
  }

  /// Whole numbers and booleans, these as 0 and 1, as float64; those of 64 bits are rounded once. Nil for other types.
  package func widenedToDoubles() throws(RNNError) -> Tensor? {
    switch elementType {
    case .int64: try widened(Int64.self) { Double($0) }
    case .int32: try widened(Int32.self) { Double($0) }
    case .int16: try widened(Int16.self) { Double($0) }
    case .int8: try widened(Int8.self) { Double($0) }
    case .uint64: try widened(UInt64.self) { Double($0) }
    case .uint32: try widened(UInt32.self) { Double($0) }
    case .uint16: try widened(UInt16.self) { Double($0) }
    case .uint8: try widened(UInt8.self) { Double($0) }
    case .bool: try widened(UInt8.self) { $0 == 0 ? 0 : 1 }
    default: nil
    }
  }

  private func widened<Value: BitwiseCopyable>(_: Value.Type, _ convert: (Value) -> Double) throws(RNNError) -> Tensor? {
    let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Double>.size)
    guard !overflow else { return nil }
    let storage = try ScratchSpace.shared.storage(size) { (room) throws(RNNError) in
      let target = room.bytes
      var done = 0
      try forEachPiece { (piece) throws(RNNError) in
        for offset in stride(from: 0, to: piece.count, by: MemoryLayout<Value>.size) {
          target.storeBytes(of: convert(piece.loadUnaligned(fromByteOffset: offset, as: Value.self)), toByteOffset: done, as: Double.self)
          done += MemoryLayout<Double>.size
        }
        room.wrote(done)
      }
    }
    return Tensor(.float64, shape, in: storage)
  }

  /// The same elements with their bytes turned round, each part of a complex number by itself.
  func byteSwapped() throws(RNNError) -> Tensor? {
    let size = [.complex64, .complex128].contains(elementType) ? elementType.byteCount / 2 : elementType.byteCount
    if size == 1 { return self }
    return try withUnsafeBytes { (source) throws(RNNError) in
      try Tensor.made(elementType, shape) { target in
        func swap<Part: FixedWidthInteger>(_: Part.Type) {
          for offset in stride(from: 0, to: source.count, by: size) {
            let part = source.loadUnaligned(fromByteOffset: offset, as: Part.self)
            target.storeBytes(of: part.byteSwapped, toByteOffset: offset, as: Part.self)
          }
        }
        switch size {
        case 2: swap(UInt16.self)
        case 4: swap(UInt32.self)
        default: swap(UInt64.self)
        }
      }
    }
  }

  /// Whether every element of such a view lies among `count` elements.
  static func fits(_ shape: Shape, _ strides: [Int], _ offset: Int, count: Int) -> Bool {
    guard shape.count > 0 else { return offset >= 0 && offset <= count }
    var (lowest, highest) = (offset, offset)
    for (size, stride) in zip(shape.dimensions, strides) {
      let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      guard !overflow else { return false }
      let (end, tooFar) = reach < 0 ? lowest.addingReportingOverflow(reach) : highest.addingReportingOverflow(reach)
      guard !tooFar else { return false }
      if reach < 0 { lowest = end } else { highest = end }
    }
    return lowest >= 0 && highest < count
  }

  private static func gather<Element: BitwiseCopyable>(
    _: Element.Type, _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ shape: Shape,
    _ strides: [Int], _ offset: Int
  ) {
    guard shape.count > 0 else { return }
    let size = MemoryLayout<Element>.size
    var written = 0
    /// The last axis is the loop; the others are counted in `index`.
    let (inner, innerStride) = (shape.dimensions.last ?? 1, strides.last ?? 0)
    var index = [Int](repeating: 0, count: max(shape.rank - 1, 0))
    var start = offset
    while true {
      var position = start
      for _ in 0..<inner {
        let element = source.loadUnaligned(fromByteOffset: position * size, as: Element.self)
        target.storeBytes(of: element, toByteOffset: written, as: Element.self)
        written += size
        position += innerStride
      }
      var axis = index.count - 1
      while axis >= 0 {
        index[axis] += 1
        start += strides[axis]
        if index[axis] < shape[axis] { break }
        start -= index[axis] * strides[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// A matrix with rows and columns swapped. Nil for other ranks.
  package func transposed() throws(RNNError) -> Tensor? {
    guard shape.rank == 2, let turned = Shape([shape[1], shape[0]]) else { return nil }
    return try gathered(turned, strides: [1, shape[1]])
  }

  /// The tensor cut into as many equal blocks along its first axis as `order` has entries; block i of the result is
  /// block `order[i]` of this one. Nil where they are not equal.
  package func reorderingBlocks(_ order: [Int]) throws(RNNError) -> Tensor? {
    guard shape.rank > 0, !order.isEmpty, shape[0] % order.count == 0,
      order.allSatisfy({ (0..<order.count).contains($0) })
    else { return nil }
    if order == Array(order.indices) { return self }
    let size = byteCount / order.count
    return try withUnsafeBytes { (source) throws(RNNError) in
      try Tensor.made(elementType, shape) { target in
        for (index, block) in order.enumerated() {
          UnsafeMutableRawBufferPointer(rebasing: target[index * size..<(index + 1) * size])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[block * size..<(block + 1) * size]))
        }
      }
    }
  }

  /// Tensors of one type and shape, one after the other along a new first axis. Nil where they differ.
  package static func stacked(_ tensors: [Tensor]) -> Tensor? {
    guard let first = tensors.first, let shape = Shape([tensors.count] + first.shape.dimensions),
      tensors.allSatisfy({ $0.elementType == first.elementType && $0.shape == first.shape })
    else { return nil }
    return Tensor(first.elementType, shape) { target in
      for (index, tensor) in tensors.enumerated() {
        tensor.withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: target[index * source.count..<(index + 1) * source.count])
            .copyMemory(from: source)
        }
      }
    }
  }

  /// Zeros.
  package static func zeros(_ type: ElementType, _ sizes: [Int]) -> Tensor? {
    Shape(sizes).flatMap { Tensor(type, $0) { _ in } }
  }

  /// Whether every bit is zero.
  package var isZero: Bool { withUnsafeBytes { $0.allSatisfy { $0 == 0 } } }
}
