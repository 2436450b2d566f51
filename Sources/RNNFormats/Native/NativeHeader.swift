import RNNModel

/// The start of a native file; `Schemas/native.md` is its specification.
///
///     offset  size
///     0       8     magic 89 52 4E 4E 0D 0A 1A 0A
///     8       4     version, 1
///     12      4     zero
///     16      8     length n of the header's JSON in bytes
///     24      8     length of the whole file in bytes
///     32      8     XXH3-64 of bytes 0 to 31 and of the JSON
///     40      n     JSON, UTF-8
///
/// Then zeros up to a multiple of 64, and the tensors one after the other in the JSON's order, each at a multiple of 64.
enum NativeHeader {
  static let magic: [UInt8] = [0x89, 0x52, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A]
  static let version: UInt32 = 1
  static let fixedSize = 40
  static let alignment = 64

  /// The next multiple of the alignment, nil where it overflows.
  static func aligned(_ offset: Int) -> Int? {
    let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
    return overflow ? nil : sum & ~(alignment - 1)
  }
}

/// One tensor's line in the header.
struct NativeEntry {
  var name: String
  var elementType: ElementType
  var shape: Shape
  var offset: Int
  var checksum: UInt64

  var byteCount: Int { shape.count * elementType.byteCount }

  init(_ tensor: NamedTensor) {
    name = tensor.name
    elementType = tensor.tensor.elementType
    shape = tensor.tensor.shape
    offset = 0
    checksum = 0
  }

  init(json: JSONValue, at place: String) throws(RNNError) {
    var reader = try JSONObjectReader(json, at: place)
    name = try reader.string("name")
    let dtype = try reader.string("dtype")
    guard let type = ElementType(rawValue: dtype) else {
      throw reader.error("dtype", "an unknown element type \"\(dtype)\"")
    }
    elementType = type
    var sizes: [Int] = []
    for value in try reader.array("shape") {
      guard let size = value.integer else { throw reader.error("shape", "not a list of whole numbers") }
      sizes.append(size)
    }
    guard let shape = Shape(sizes), !shape.count.multipliedReportingOverflow(by: type.byteCount).overflow else {
      throw reader.error("shape", "not a shape: a negative size, too many axes, or more elements than memory can hold")
    }
    self.shape = shape
    offset = try reader.integer("offset")
    let byteCount = try reader.integer("bytes")
    guard byteCount == shape.count * type.byteCount else {
      throw reader.error("bytes", "\(byteCount), expected \(shape.count * type.byteCount) for \(dtype) \(shape)")
    }
    let text = try reader.string("xxh3")
    guard text.utf8.count == 16, let value = UInt64(text, radix: 16), Checksum.text(value) == text else {
      throw reader.error("xxh3", "not sixteen lowercase hexadecimal digits")
    }
    checksum = value
    try reader.finish()
  }

  var json: JSONValue {
    .object([
      .init("name", .string(name)), .init("dtype", .string(elementType.rawValue)),
      .init("shape", .array(shape.dimensions.map { .integer(Int64($0)) })),
      .init("offset", .integer(Int64(offset))), .init("bytes", .integer(Int64(byteCount))),
      .init("xxh3", .string(Checksum.text(checksum))),
    ])
  }
}
