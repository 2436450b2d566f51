import RNNModel

/// A `state_dict` as JSON: one object of parameter names and nested lists, in the model's order.
///
/// What PyTorch's state_dict lacks rides along under the key `__rnnkit__`, which comes first: `architecture`,
/// `metadata`, `cases` (name → `members`, `dtypes`, `shapes`, `metadata`), `ordered`, and for tensors that nested lists
/// alone do not tell, `dtypes` (those other than float32) and `shapes` (of tensors without elements).
public struct StateDictJSONFormat: ModelFormat {
  public let name = "json"
  public let summary = "a PyTorch state_dict as JSON, names to nested lists of numbers"
  public let writes = "state_dict"
  public let exceptions = "\(Self.refusesCells); complex and float8 tensors, and NaNs with bits of their own"
  public let fileExtensions = ["json"]
  public let holdsStateDict = true
  static let ownKey = "__rnnkit__"

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || Self.recognizes(file) else { return nil }
    return OpenedFile { (_) throws(RNNError) in try Self.archive(file) }
  }

  private static func recognizes(_ file: InputFile) -> Bool {
    guard let first = file.json.members.first else { return false }
    if first.key == ownKey { return true }
    // Other kinds of JSON begin with a list too: of sizes, as in_shape is, or of objects.
    return file.withUnsafeBytes { bytes in
      let text = bytes[first.range].lazy.filter { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        .prefix { $0 != UInt8(ascii: ",") }
      return text.first == UInt8(ascii: "[") && first.key != RTNeuralFormat.shapeKey
        && !text.contains { [UInt8(ascii: "{"), UInt8(ascii: "\"")].contains($0) }
    }
  }

  private static func archive(_ file: InputFile) throws(RNNError) -> TensorArchive {
    let skeleton = try file.json.whole()
    return try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var archive = TensorArchive()
      var kinds = Kinds()
      if let range = skeleton[ownKey] { (archive, kinds) = try own(bytes, range) }
      for member in skeleton.members where member.key != ownKey {
        try archive.append(member.key, kinds.tensor(bytes, member, at: "tensor \(member.key)"))
      }
      return archive
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    let archive = model.archive
    var members: [JSONValue.Member] = []
    if let architecture = archive.architecture { members.append(.init("architecture", architecture.json)) }
    if !archive.isOrdered { members.append(.init("ordered", .bool(false))) }
    members += Kinds.json(archive.tensors)
    if !archive.metadata.isEmpty { members.append(.init("metadata", .object(archive.metadata))) }
    try file.write(Array("{\n\(JSONValue.string(Self.ownKey).text): ".utf8))
    try Self.write(members, archive.cases, to: &file)
    for tensor in archive.tensors {
      guard tensor.name != Self.ownKey else {
        throw RNNError(
          .badData, place: "tensor \(tensor.name)", "the name is reserved in JSON",
          remedy: "rename it with \(.renames)")
      }
      try file.write(Array(",\n\(JSONValue.string(tensor.name).text): ".utf8))
      try JSONTensorWriter.write(tensor, to: &file)
    }
    try file.write(Array("\n}\n".utf8))
  }

  /// Writes our own part: its small members, then the cases' tensors one by one.
  private static func write(
    _ members: [JSONValue.Member], _ cases: [ReferenceCase], to file: inout OutputFile
  ) throws(RNNError) {
    var text = "{" + members.map { "\(JSONValue.string($0.key).text): \($0.value.text)" }.joined(separator: ",\n")
    if !cases.isEmpty {
      text += "\(members.isEmpty ? "" : ",\n")\"cases\": {"
      for (index, reference) in cases.enumerated() {
        text += "\(index > 0 ? "," : "")\n\(JSONValue.string(reference.name).text): {"
        var facts = Kinds.json(reference.members)
        if !reference.metadata.isEmpty { facts.append(.init("metadata", .object(reference.metadata))) }
        for fact in facts { text += "\(JSONValue.string(fact.key).text): \(fact.value.text),\n" }
        text += "\"members\": {"
        for (index, member) in reference.members.enumerated() {
          text += "\(index > 0 ? "," : "")\n\(JSONValue.string(member.name).text): "
          try file.write(Array(text.utf8))
          text = ""
          try JSONTensorWriter.write(member, to: &file)
        }
        text += "}}"
      }
      text += "}"
    }
    try file.write(Array("\(text)}".utf8))
  }

  /// Reads our own part into an archive without tensors.
  private static func own(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(RNNError) -> (TensorArchive, Kinds) {
    var archive = TensorArchive()
    var kinds = Kinds()
    for member in try JSONSkeleton(bytes, in: range).members {
      if member.key == "cases" {
        for reference in try JSONSkeleton(bytes, in: member.range).members {
          archive.cases.append(try self.case(bytes, reference))
        }
        continue
      }
      let place = "\(ownKey).\(member.key)"
      let value = try JSONValue(parsing: bytes, in: member.range)
      switch member.key {
      case "architecture": archive.architecture = try Architecture(json: value)
      case "ordered":
        guard let isOrdered = value.bool else { throw malformed(place, "neither true nor false") }
        archive.isOrdered = isOrdered
      case "metadata":
        guard let members = value.members else { throw malformed(place, "not a JSON object") }
        archive.metadata = members
      default:
        guard try kinds.take(member.key, value, at: place) else { throw unknown(place) }
      }
    }
    return (archive, kinds)
  }

  private static func `case`(
    _ bytes: UnsafeRawBufferPointer, _ member: JSONSkeleton.Member
  ) throws(RNNError) -> ReferenceCase {
    let place = "\(ownKey).cases.\(member.key)"
    var result = ReferenceCase(name: member.key, members: [])
    var kinds = Kinds()
    var members: JSONSkeleton?
    for part in try JSONSkeleton(bytes, in: member.range).members {
      if part.key == "members" {
        members = try JSONSkeleton(bytes, in: part.range)
        continue
      }
      let value = try JSONValue(parsing: bytes, in: part.range)
      if part.key == "metadata" {
        guard let metadata = value.members else { throw malformed("\(place).metadata", "not a JSON object") }
        result.metadata = metadata
      } else {
        guard try kinds.take(part.key, value, at: "\(place).\(part.key)") else { throw unknown("\(place).\(part.key)") }
      }
    }
    for member in members?.members ?? [] {
      let tensor = try kinds.tensor(bytes, member, at: "\(place).\(member.key)")
      result.members.append(NamedTensor(member.key, tensor))
    }
    return result
  }

  private static func malformed(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "compare with the schema, or write the file again")
  }

  private static func unknown(_ place: String) -> RNNError {
    RNNError(
      .badData, place: place, "an unknown key, which may change what the model computes",
      remedy: "use a newer RNNKit, or correct the key")
  }

  /// Types and shapes of tensors that nested lists do not show.
  private struct Kinds {
    private var types: [String: ElementType] = [:]
    private var shapes: [String: Shape] = [:]

    mutating func take(_ key: String, _ value: JSONValue, at place: String) throws(RNNError) -> Bool {
      guard ["dtypes", "shapes"].contains(key) else { return false }
      guard let members = value.members else { throw malformed(place, "not a JSON object") }
      for member in members {
        if key == "dtypes" {
          guard let type = member.value.string.flatMap(ElementType.init(rawValue:)) else {
            throw malformed("\(place).\(member.key)", "an unknown element type \(member.value.text)")
          }
          types[member.key] = type
        } else {
          let sizes = member.value.array?.compactMap(\.integer) ?? [-1]
          guard let shape = Shape(sizes), shape.count == 0, sizes.count == member.value.array?.count else {
            throw malformed("\(place).\(member.key)", "not the shape of a tensor without elements")
          }
          shapes[member.key] = shape
        }
      }
      return true
    }

    func tensor(
      _ bytes: UnsafeRawBufferPointer, _ member: JSONSkeleton.Member, at place: String
    ) throws(RNNError) -> Tensor {
      let tensor = try JSONTensorReader.read(bytes, in: member.range, as: types[member.key], at: place)
      guard let shape = shapes[member.key] else { return tensor }
      guard let result = tensor.reshaped(shape) else {
        throw malformed(place, "has elements, and a shape \(shape) without any")
      }
      return result
    }

    static func json(_ tensors: [NamedTensor]) -> [JSONValue.Member] {
      let types = tensors.filter { $0.tensor.elementType != .float32 }
      let shapes = tensors.filter { $0.tensor.shape.rank > 1 && $0.tensor.shape.dimensions.dropLast().contains(0) }
      var result: [JSONValue.Member] = []
      if !types.isEmpty {
        result.append(.init("dtypes", .object(types.map { .init($0.name, .string($0.tensor.elementType.rawValue)) })))
      }
      if !shapes.isEmpty {
        result.append(
          .init(
            "shapes",
            .object(
              shapes.map {
                .init($0.name, .array($0.tensor.shape.dimensions.map { .integer(Int64($0)) }))
              })))
      }
      return result
    }
  }
}
