import RNNModel

/// NumPy's `.npy`, a file of one array.
///
/// Little-endian arrays in C order are used directly from the file; others are reordered into memory or a scratch file.
/// NumPy has neither bfloat16 nor float8: they are written as float32, which holds them exactly.
public struct NPYFormat: ArrayFormat {
  public let name = "npy"
  public let fileExtensions = ["npy"]
  public let holdsOneArray = true

  public init() {}

  public func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { $0.starts(with: NPYHeader.magic) }
  }

  public func read(_ file: InputFile) throws(RNNError) -> [NamedTensor] {
    [NamedTensor("", try Self.tensor(in: file.storage))]
  }

  public func write(_ output: ArrayOutput, to file: inout OutputFile) throws(RNNError) {
    let tensor = try Self.widened(output.end)
    try file.write(try Self.header(of: tensor))
    try tensor.forEachPiece { (piece) throws(RNNError) in try file.write(piece) }
  }

  public func room(
    _ type: ElementType, _ shape: Shape, in file: inout OutputFile
  ) throws(RNNError) -> OutputRoom? {
    guard let header = NPYHeader(type, shape).bytes else { return nil }
    return try file.room(after: header, shape.count * type.byteCount)
  }

  /// The header of an array whose elements follow it.
  static func header(of tensor: Tensor) throws(RNNError) -> [UInt8] {
    guard let header = NPYHeader(tensor.elementType, tensor.shape).bytes else {
      throw RNNError(.badData, "NumPy has no \(tensor.elementType.rawValue)", remedy: "convert it to float32 first")
    }
    return header
  }

  /// The tensor itself if NumPy has its type, else the same values as float32.
  static func widened(_ tensor: Tensor) throws(RNNError) -> Tensor {
    guard !NPYHeader.holds(tensor.elementType) else { return tensor }
    let storage = try ScratchSpace.shared.storage(tensor.count * 4) { (room) throws(RNNError) in
      let target = room.bytes
      tensor.withUnsafeBytes { source in
        for index in 0..<tensor.count {
          if case .single(let value) = TensorElement(source, tensor.elementType, at: index) {
            target.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
          }
        }
      }
    }
    guard let result = Tensor(.float32, tensor.shape, in: storage) else {
      throw RNNError(.defect, "a widened tensor does not fit its storage")
    }
    return result
  }

  /// Reads all of `storage` as one array.
  static func tensor(in storage: TensorStorage) throws(RNNError) -> Tensor {
    let (header, offset) = try storage.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      return (try NPYHeader(&reader), reader.offset)
    }
    return try tensor(header, in: storage, at: offset)
  }

  /// The same, but reads only the header if the elements need not be reordered.
  static func describedTensor(in storage: TensorStorage, _ failures: LateFailures) throws(RNNError) -> Tensor {
    // Longer than any header of version 1, which NumPy writes. A longer header makes the whole file be read.
    let start = UnsafeMutableRawBufferPointer.allocate(byteCount: min(storage.count, 1 << 17), alignment: 8)
    defer { start.deallocate() }
    try storage.copyBytes(at: 0, into: start)
    let isLong = start.count < storage.count && start[6] > 1
    var reader = ByteReader(UnsafeRawBufferPointer(start)), found: NPYHeader?
    do throws(RNNError) {
      found = try NPYHeader(&reader)
    } catch {
      if !isLong { throw error }
    }
    guard let header = found, !header.isReordered else {
      let tensor = try tensor(in: storage)
      try failures.check()
      return tensor
    }
    return try tensor(header, in: storage, at: reader.offset)
  }

  private static func tensor(
    _ header: NPYHeader, in storage: TensorStorage, at offset: Int
  ) throws(RNNError) -> Tensor {
    let (type, shape) = (header.elementType, header.shape)
    let expected = shape.count * type.byteCount
    let found = storage.count - offset
    guard found == expected, let tensor = Tensor(type, shape, in: storage, at: offset) else {
      throw RNNError(.badData, place: "offset \(offset)",
        "\(found) bytes of elements, expected \(expected) for \(type.rawValue) \(shape)",
        remedy: "copy the file again; it is damaged")
    }
    let (transposes, swaps) = (header.isTransposed, header.isSwapped)
    guard transposes || swaps else { return tensor }
    let reordered = try ScratchSpace.shared.storage(expected) { (room) throws(RNNError) in
      let target = room.bytes
      tensor.withUnsafeBytes { source in
        if transposes {
          transpose(source, into: target, shape, type.byteCount)
        } else {
          target.copyMemory(from: source)
        }
      }
      if swaps { swapBytes(target, wordSize: type.wordSize) }
    }
    guard let result = Tensor(type, shape, in: reordered) else {
      throw RNNError(.defect, "a reordered tensor does not fit its storage")
    }
    return result
  }

  /// Copies from column-major to row-major order.
  private static func transpose(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ shape: Shape, _ size: Int
  ) {
    func move<Element: BitwiseCopyable>(_: Element.Type) {
      guard shape.count > 0 else { return }
      var strides: [Int] = []
      var stride = 1
      for size in shape.dimensions {
        strides.append(stride)
        stride *= size
      }
      var index = [Int](repeating: 0, count: shape.rank)
      var from = 0
      for to in 0..<shape.count {
        target.storeBytes(
          of: source.loadUnaligned(fromByteOffset: from * size, as: Element.self), toByteOffset: to * size,
          as: Element.self)
        var axis = shape.rank - 1
        while axis >= 0 {
          index[axis] += 1
          from += strides[axis]
          if index[axis] < shape[axis] { break }
          from -= index[axis] * strides[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
    switch size {
    case 1: move(UInt8.self)
    case 2: move(UInt16.self)
    case 4: move(UInt32.self)
    case 8: move(UInt64.self)
    default: move(SIMD2<UInt64>.self)
    }
  }

  private static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, wordSize: Int) {
    func swap<Word: FixedWidthInteger>(_: Word.Type) {
      for offset in stride(from: 0, to: bytes.count, by: wordSize) {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)
        bytes.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
      }
    }
    switch wordSize {
    case 2: swap(UInt16.self)
    case 4: swap(UInt32.self)
    default: swap(UInt64.self)
    }
  }
}

extension ElementType {
  /// The size of the unit that byte order applies to: half an element for complex numbers.
  fileprivate var wordSize: Int {
    switch self {
    case .complex64, .complex128: byteCount / 2
    default: byteCount
    }
  }
}
