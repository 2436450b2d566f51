import RNNModel

/// The header of a safetensors file; the reference is safetensors/src/tensor.rs.
///
///     offset  size
///     0       8     length n of the JSON
///     8       n     JSON, {"<name>": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, …}, padded with spaces
///
/// Then the tensors, without gaps; their offsets count from the end of the JSON. `__metadata__` maps strings to
/// strings.
struct SafetensorsHeader {
  struct Entry {
    var name: String
    var elementType: ElementType
    var shape: Shape
    var start: Int
    var end: Int
  }

  static let metadataKey = "__metadata__"

  /// In the order of their offsets.
  var entries: [Entry] = []
  var metadata: [(key: String, value: String)] = []
  /// Where the tensors' bytes begin.
  var dataOffset = 0

  /// What the format calls the element types it shares with RNNKit.
  static let types: [String: ElementType] = [
    "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "I64": .int64, "I32": .int32, "I16": .int16,
    "I8": .int8, "U64": .uint64, "U32": .uint32, "U16": .uint16, "U8": .uint8, "BOOL": .bool, "C64": .complex64,
    "F8_E4M3": .float8_e4m3fn, "F8_E5M2": .float8_e5m2,
  ]

  private static let damaged = "copy the file again; it is damaged"

  /// Whether bytes begin with a length and an object.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = ByteReader(bytes)
    guard let size: UInt64 = try? reader.integer("the header's length"), let first: UInt8 = try? reader.integer("the header")
    else { return false }
    return size <= Limits.maximumSafetensorsHeaderSize && first == UInt8(ascii: "{")
  }

  /// Reads and checks everything but the tensors' values.
  init(_ bytes: UnsafeRawBufferPointer) throws(RNNError) {
    var reader = ByteReader(bytes)
    let size = try reader.length("the header's length")
    guard size <= Limits.maximumSafetensorsHeaderSize else {
      throw RNNError(.badData, place: "offset 0",
        "a header of \(size) bytes, more than the limit of \(Limits.maximumSafetensorsHeaderSize)",
        remedy: Self.damaged)
    }
    let text = try reader.take(size, "the header")
    guard text.first == UInt8(ascii: "{") else {
      throw RNNError(.badData, place: "offset 8", "a header that does not begin with {", remedy: Self.damaged)
    }
    dataOffset = reader.offset
    let json: JSONValue
    do throws(RNNError) {
      json = try JSONValue(parsing: text)
    } catch {
      throw RNNError(error.kind, place: "header" + (error.place.map { ", " + $0 } ?? ""), error.problem,
        remedy: error.remedy)
    }
    for member in json.members ?? [] {
      if member.key == Self.metadataKey {
        metadata = try Self.metadata(member.value)
      } else {
        entries.append(try Self.entry(member))
      }
    }
    // Stable, so that tensors without elements keep the order of the JSON.
    entries = entries.enumerated().sorted {
      ($0.element.start, $0.element.end, $0.offset) < ($1.element.start, $1.element.end, $1.offset)
    }.map(\.element)
    try checkOffsets(dataSize: reader.remaining)
  }

  private static func metadata(_ json: JSONValue) throws(RNNError) -> [(key: String, value: String)] {
    guard let members = json.members else {
      throw RNNError(.badData, place: metadataKey, "not a JSON object", remedy: "write the file again")
    }
    var result: [(key: String, value: String)] = []
    for member in members {
      guard let value = member.value.string else {
        throw RNNError(.badData, place: "\(metadataKey).\(member.key)", "not a string", remedy: "write the file again")
      }
      result.append((member.key, value))
    }
    return result
  }

  private static func entry(_ member: JSONValue.Member) throws(RNNError) -> Entry {
    var reader = try JSONObjectReader(member.value, at: "tensor \(member.key)")
    let dtype = try reader.string("dtype")
    guard let type = types[dtype] else {
      throw RNNError(.badData, place: "tensor \(member.key)", "the element type \(dtype), which RNNKit does not know",
        remedy: "save it as one of \(types.keys.sorted().joined(separator: ", "))")
    }
    func numbers(_ key: String) throws(RNNError) -> [Int] {
      var result: [Int] = []
      for value in try reader.array(key) {
        guard let number = value.integer, number >= 0 else {
          throw reader.error(key, "not a list of whole numbers from 0")
        }
        result.append(number)
      }
      return result
    }
    guard let shape = Shape(try numbers("shape")),
      !shape.count.multipliedReportingOverflow(by: type.byteCount).overflow
    else { throw reader.error("shape", "too many axes, or more elements than memory can hold") }
    let offsets = try numbers("data_offsets")
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw reader.error("data_offsets", "not a start and an end")
    }
    guard offsets[1] - offsets[0] == shape.count * type.byteCount else {
      throw reader.error("data_offsets",
        "\(offsets[1] - offsets[0]) bytes, expected \(shape.count * type.byteCount) for \(dtype) \(shape)")
    }
    try reader.finish()
    return Entry(name: member.key, elementType: type, shape: shape, start: offsets[0], end: offsets[1])
  }

  /// The tensors must cover the rest of the file, each beginning where the one before it ends.
  private func checkOffsets(dataSize: Int) throws(RNNError) {
    var end = 0
    for entry in entries {
      guard entry.start == end else {
        throw RNNError(.badData, place: "tensor \(entry.name)",
          "it begins at \(entry.start), \(entry.start < end ? "inside the tensor before it" : "after a gap"), "
            + "expected \(end)", remedy: "write the file again with the safetensors library")
      }
      guard entry.end <= dataSize else {
        throw RNNError(.badData, place: "tensor \(entry.name)",
          "it ends at \(entry.end), the file has \(dataSize) bytes of tensors",
          remedy: "copy the file again; it is cut short")
      }
      end = entry.end
    }
    guard end == dataSize else {
      throw RNNError(.badData, place: "offset \(dataOffset + end)", "\(dataSize - end) bytes that belong to no tensor",
        remedy: Self.damaged)
    }
  }

  /// Whether the tensors stand as the reference implementation puts them, by type and then by name, so that their order
  /// tells nothing about the model.
  var isSortedByName: Bool {
    zip(entries, entries.dropFirst()).allSatisfy { entry, next in
      entry.elementType == next.elementType
        ? entry.name.utf8.lexicographicallyPrecedes(next.name.utf8)
        : entry.elementType.byteCount >= next.elementType.byteCount
    }
  }
}
