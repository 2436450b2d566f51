import RNNModel

/// What RNNKit keeps in a torch file beside the state_dict, where torch.load does not look: `<stem>/extra/rnnkit.json`
/// with architecture, order, metadata and cases, and the cases' tensors as bytes in `<stem>/extra/rnnkit/<number>`.
enum TorchExtra {
  private static let json = "extra/rnnkit.json"

  static func read(from zip: ZipArchive, stem: String, into archive: inout TensorArchive) throws(RNNError) {
    guard let entry = zip["\(stem)/\(json)"] else { return }
    guard entry.count <= Limits.maximumHeaderSize else {
      throw RNNError(
        .badData, place: "member \(entry.name)",
        "\(entry.count) bytes, more than the limit of \(Limits.maximumHeaderSize)", remedy: "write the file again")
    }
    let value = try zip.bytes(of: entry).withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
    var reader = try JSONObjectReader(value, at: json)
    let version = try reader.integer("format_version")
    guard version == 1 else { throw reader.error("format_version", "\(version), expected 1") }
    archive.isOrdered = try reader.bool("ordered", default: true)
    if let json = reader.optional("architecture") { archive.architecture = try Architecture(json: json) }
    archive.metadata = try members(&reader)
    if reader.has("cases") {
      for (index, json) in try reader.array("cases").enumerated() {
        archive.cases.append(try self.case(json, at: "\(self.json).cases[\(index)]", zip, stem))
      }
    }
    try reader.finish()
  }

  private static func members(_ reader: inout JSONObjectReader) throws(RNNError) -> [JSONValue.Member] {
    guard let json = reader.optional("metadata") else { return [] }
    guard let members = json.members else { throw reader.error("metadata", "not a JSON object") }
    return members
  }

  private static func `case`(
    _ json: JSONValue, at place: String, _ zip: ZipArchive, _ stem: String
  ) throws(RNNError) -> ReferenceCase {
    var reader = try JSONObjectReader(json, at: place)
    var result = ReferenceCase(name: try reader.string("name"), members: [])
    for (index, json) in try reader.array("members").enumerated() {
      result.members.append(try tensor(json, at: "\(place).members[\(index)]", zip, stem))
    }
    result.metadata = try members(&reader)
    try reader.finish()
    return result
  }

  private static func tensor(
    _ json: JSONValue, at place: String, _ zip: ZipArchive, _ stem: String
  ) throws(RNNError) -> NamedTensor {
    var reader = try JSONObjectReader(json, at: place)
    let name = try reader.string("name")
    guard let type = ElementType(rawValue: try reader.string("dtype")) else {
      throw reader.error("dtype", "an unknown element type")
    }
    guard let shape = Shape(try reader.array("shape").map { $0.integer ?? -1 }) else {
      throw reader.error("shape", "no shape")
    }
    let number = try reader.integer("member")
    try reader.finish()
    guard let entry = zip["\(stem)/extra/rnnkit/\(number)"],
      case (let size, let overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount), !overflow,
      entry.count == size, let tensor = Tensor(type, shape, in: try zip.bytes(of: entry))
    else {
      throw reader.error("member", "no member extra/rnnkit/\(number) with the bytes of \(type.rawValue) \(shape)")
    }
    return NamedTensor(name, tensor)
  }

  /// Adds the members to an archive that is being written.
  static func write(
    _ archive: TensorArchive, stem: String, _ zip: inout ZipWriter, to file: inout OutputFile
  ) throws(RNNError) {
    var members: [JSONValue.Member] = [.init("format_version", .integer(1))]
    if !archive.isOrdered { members.append(.init("ordered", .bool(false))) }
    if let architecture = archive.architecture { members.append(.init("architecture", architecture.json)) }
    if !archive.metadata.isEmpty { members.append(.init("metadata", .object(archive.metadata))) }
    var number = 0
    if !archive.cases.isEmpty {
      members.append(
        .init(
          "cases",
          .array(
            archive.cases.map { reference in
              var members: [JSONValue.Member] = [
                .init("name", .string(reference.name)),
                .init(
                  "members",
                  .array(
                    reference.members.map { member in
                      defer { number += 1 }
                      return .object([
                        .init("name", .string(member.name)),
                        .init("dtype", .string(member.tensor.elementType.rawValue)),
                        .init("shape", .array(member.tensor.shape.dimensions.map { .integer(Int64($0)) })),
                        .init("member", .integer(Int64(number))),
                      ])
                    })),
              ]
              if !reference.metadata.isEmpty { members.append(.init("metadata", .object(reference.metadata))) }
              return .object(members)
            })))
    }
    let text = Array(JSONValue.object(members).text.utf8)
    guard text.count <= Limits.maximumHeaderSize else {
      throw RNNError(
        .badData, "what stands beside the tensors would take \(text.count) bytes, more than \(Limits.maximumHeaderSize)",
        remedy: "carry fewer tensors")
    }
    try zip.add("\(stem)/\(json)", text, to: &file)
    number = 0
    for member in archive.cases.flatMap(\.members) {
      try zip.add("\(stem)/extra/rnnkit/\(number)", member.tensor, to: &file)
      number += 1
    }
  }
}
