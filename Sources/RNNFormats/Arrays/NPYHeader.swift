import RNNModel

/// The header of a `.npy` file, before its elements; numpy/lib/_format_impl.py is its specification.
///
///     offset  size
///     0       6     magic 93 'NUMPY'
///     6       2     version: 1.0, 2.0 or 3.0
///     8       2     length n of the text (4 bytes from version 2.0 on)
///     10      n     a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
struct NPYHeader {
  static let magic: [UInt8] = [0x93] + "NUMPY".utf8

  var elementType: ElementType
  var isBigEndian = false
  var isFortran = false
  var shape: Shape

  /// Whether the element order or the byte order differs from a tensor's.
  var isTransposed: Bool { isFortran && shape.rank > 1 }
  var isSwapped: Bool { isBigEndian && elementType.byteCount > 1 }
  var isReordered: Bool { isTransposed || isSwapped }

  /// Reads the header and leaves `reader` at the elements. Nothing in the header is evaluated.
  init(_ reader: inout ByteReader) throws(RNNError) {
    guard try reader.take(6, "the magic of a .npy file").elementsEqual(Self.magic) else {
      throw RNNError(.badData, place: "offset 0", "not the magic of a .npy file", remedy: Self.remedy)
    }
    let major: UInt8 = try reader.integer("the version")
    let minor: UInt8 = try reader.integer("the version")
    guard (1...3).contains(major), minor == 0 else {
      throw RNNError(.badData, place: "offset 6", "version \(major).\(minor), expected 1.0, 2.0 or 3.0",
        remedy: Self.remedy)
    }
    let size: Int
    if major == 1 {
      let short: UInt16 = try reader.integer("the header's length")
      size = Int(short)
    } else {
      let long: UInt32 = try reader.integer("the header's length")
      size = Int(long)
    }
    guard size <= Limits.maximumHeaderSize else {
      throw RNNError(.badData, place: "offset 8",
        "a header of \(size) bytes, more than the limit of \(Limits.maximumHeaderSize)", remedy: Self.remedy)
    }
    let start = reader.offset
    var parser = NPYHeaderParser(try reader.take(size, "the header"), at: start)
    let fields = try parser.fields()
    (elementType, isBigEndian) = try Self.type(fields.descr)
    isFortran = fields.isFortran
    guard let shape = Shape(fields.shape), !shape.count.multipliedReportingOverflow(by: elementType.byteCount).overflow
    else {
      throw RNNError(.badData, place: "shape", "\(fields.shape.count) axes whose elements no memory can hold",
        remedy: Self.remedy)
    }
    self.shape = shape
  }

  init(_ elementType: ElementType, _ shape: Shape) {
    self.elementType = elementType
    self.shape = shape
  }

  private static let remedy = "save the array again with numpy.save"

  private static func type(_ descr: String) throws(RNNError) -> (ElementType, Bool) {
    func refuse(_ problem: String, _ remedy: String) -> RNNError {
      RNNError(.badData, place: "descr", "\(problem) (\"\(descr)\")", remedy: remedy)
    }
    let order = descr.first
    let name = String(descr.dropFirst())
    if name.hasPrefix("O") || descr == "O" {
      throw refuse("Python objects, which cannot be read without running code", "save plain numbers")
    }
    guard let order, "<>=|".contains(order), let type = types.first(where: { $0.value == name })?.key,
      order != "|" || type.byteCount == 1
    else {
      throw refuse("an element type that is no plain number of a known size", "save it as float32")
    }
    return (type, order == ">")
  }

  /// NumPy's type names, without the byte order.
  private static let types: [ElementType: String] = [
    .float64: "f8", .float32: "f4", .float16: "f2", .complex128: "c16", .complex64: "c8", .bool: "b1",
    .int64: "i8", .int32: "i4", .int16: "i2", .int8: "i1", .uint64: "u8", .uint32: "u4", .uint16: "u2", .uint8: "u1",
  ]

  /// Whether NumPy has the type.
  static func holds(_ type: ElementType) -> Bool { types[type] != nil }

  /// The header as numpy.save writes it, byte for byte: its length is a multiple of 64. Nil for a type NumPy lacks.
  var bytes: [UInt8]? {
    guard let type = Self.types[elementType] else { return nil }
    let order = elementType.byteCount == 1 ? "|" : "<"
    var text = "{'descr': '\(order)\(type)', 'fortran_order': False, 'shape': \(shape), }"
    // NumPy reserves space for the first axis to grow to 21 digits.
    if let first = shape.dimensions.first { text += String(repeating: " ", count: 21 - String(first).utf8.count) }
    let fixed = 10 + text.utf8.count + 1
    text += String(repeating: " ", count: (64 - fixed % 64) % 64) + "\n"
    var result = Self.magic + [1, 0]
    result.append(littleEndian: UInt16(text.utf8.count))
    return result + text.utf8
  }
}

/// Parses the Python dictionary of a `.npy` header: three keys with a string, a boolean and a tuple of integers.
private struct NPYHeaderParser {
  private let bytes: UnsafeRawBufferPointer
  private let start: Int
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer, at start: Int) {
    self.bytes = bytes
    self.start = start
  }

  private func error(_ problem: String) -> RNNError {
    RNNError(.badData, place: "offset \(start + position)", "the header: \(problem)",
      remedy: "save the array again with numpy.save")
  }

  mutating func fields() throws(RNNError) -> (descr: String, isFortran: Bool, shape: [Int]) {
    var descr: String?
    var isFortran: Bool?
    var shape: [Int]?
    guard take("{") else { throw error("no dictionary") }
    while !take("}") {
      let key = try string()
      guard take(":") else { throw error("no colon after a key") }
      switch (key, descr, isFortran, shape) {
      case ("descr", nil, _, _):
        guard !next("[") else { throw error("a structured type; plain numbers are expected") }
        descr = try string()
      case ("fortran_order", _, nil, _): isFortran = try truth()
      case ("shape", _, _, nil): shape = try tuple()
      case ("descr", _, _, _), ("fortran_order", _, _, _), ("shape", _, _, _):
        throw error("the key '\(key)' stands twice")
      default: throw error("an unknown key '\(key)'")
      }
      if !take(","), !next("}") { throw error("neither comma nor closing brace") }
    }
    skipSpace()
    guard position == bytes.count else { throw error("text after the dictionary") }
    guard let descr, let isFortran, let shape else {
      throw error("'descr', 'fortran_order' and 'shape' are not all there")
    }
    return (descr, isFortran, shape)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func next(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return position < bytes.count && bytes[position] == character.value
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next(character) else { return false }
    position += 1
    return true
  }

  private mutating func string() throws(RNNError) -> String {
    guard next("'") || next("\"") else { throw error("no string") }
    let quote = bytes[position]
    let rest = bytes[(position + 1)...]
    guard let end = rest.firstIndex(of: quote), rest[..<end].allSatisfy({ (0x20..<0x7F).contains($0) && $0 != 0x5C })
    else { throw error("a string that does not end, or is not plain ASCII") }
    position = end + 1
    return String(decoding: rest[..<end], as: UTF8.self)
  }

  private mutating func truth() throws(RNNError) -> Bool {
    skipSpace()
    for (text, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: text.utf8) {
      position += text.utf8.count
      return value
    }
    throw error("'fortran_order' is neither True nor False")
  }

  private mutating func tuple() throws(RNNError) -> [Int] {
    guard take("(") else { throw error("'shape' is no tuple") }
    var sizes: [Int] = []
    while !take(")") {
      guard sizes.count < Limits.maximumRank else { throw error("'shape' has more than \(Limits.maximumRank) axes") }
      skipSpace()
      let digits = bytes[position...].prefix { (48...57).contains($0) }
      guard let size = Int(String(decoding: digits, as: UTF8.self)) else {
        throw error("'shape' holds something that is no size of an axis")
      }
      position += digits.count
      // Python 2 wrote long integers as 10L.
      _ = take("L")
      sizes.append(size)
      if !take(","), !next(")") { throw error("neither comma nor closing bracket in 'shape'") }
    }
    return sizes
  }
}
