import RNNModel

/// A message between a program and `rnn-hdf5`, stored as a native file.
///
/// The file's tensor `message` (uint8) is JSON text with one member, `tree`, `placements` or `error`. A tree's datasets
/// that are not in the HDF5 file itself are further tensors, named by the number of their node. Messages are not trusted:
/// checksums, shapes and offsets are checked like those of any file.
package enum HDF5Message {
  /// A file's content, or the outline of a file to write.
  case tree(HDF5Tree)
  /// The offsets in the written file of the datasets that are not empty, in the tree's order.
  case placements([Int])
  /// The reason for a failure.
  case error(RNNError)

  static let textName = "message"

  /// Which datasets' bytes a message contains.
  package enum Contents {
    /// Those that are not in the HDF5 file.
    case unpacked
    /// None.
    case outline
  }

  /// Writes the message.
  package func write(_ contents: Contents = .unpacked, to file: inout OutputFile) throws(RNNError) {
    var tensors: [NamedTensor] = []
    let member: JSONValue.Member
    switch self {
    case .tree(let tree):
      var encoder = HDF5TreeEncoder(contents)
      member = .init("tree", encoder.encode(tree))
      tensors = encoder.tensors
    case .placements(let offsets): member = .init("placements", .array(offsets.map { .integer(Int64($0)) }))
    case .error(let error): member = .init("error", Self.json(error))
    }
    let text = Array(JSONValue.object([member]).text.utf8)
    guard text.count <= Limits.maximumHDF5Tree, let shape = Shape([text.count]),
      let tensor = Tensor(.uint8, shape, fill: { $0.copyBytes(from: text) })
    else {
      throw RNNError(.badData, "its names, attributes and strings take \(text.count) bytes, more than "
        + "\(Limits.maximumHDF5Tree >> 20) MiB", remedy: "remove what does not belong to the model")
    }
    var archive = TensorArchive()
    try archive.append(Self.textName, tensor)
    for tensor in tensors { try archive.append(tensor.name, tensor.tensor) }
    try NativeWriter(archive).write(to: &file)
  }

  /// Reads a message. `source` is the HDF5 file that may contain a tree's datasets; nil for an outline.
  package init(_ file: InputFile, about source: InputFile?) throws(RNNError) {
    let archive = try NativeReader(file).archive()
    guard let text = archive[Self.textName], text.elementType == .uint8, text.shape.rank == 1,
      text.count <= Limits.maximumHDF5Tree
    else { throw Self.refusal("no text") }
    let json = try text.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
    guard let members = json.members, members.count == 1 else { throw Self.refusal("not an object of one member") }
    switch members[0].key {
    case "tree":
      var decoder = HDF5TreeDecoder(archive, source: source)
      self = .tree(try decoder.decode(members[0].value))
    case "placements":
      var offsets: [Int] = []
      for value in members[0].value.array ?? [] {
        guard let offset = value.integer, offset >= 0 else { throw Self.refusal("a placement that is no offset") }
        offsets.append(offset)
      }
      self = .placements(offsets)
    case "error": self = .error(try Self.error(members[0].value))
    default: throw Self.refusal("an unknown member")
    }
  }

  private static func refusal(_ problem: String) -> RNNError {
    RNNError(.badData, place: textName, problem)
  }

  private static func json(_ error: RNNError) -> JSONValue {
    var members: [JSONValue.Member] = [.init("kind", .string(error.kind.rawValue))]
    if let place = error.place { members.append(.init("place", .string(place))) }
    members.append(.init("problem", .string("\(error.problem)")))
    if let remedy = error.remedy { members.append(.init("remedy", .string("\(remedy)"))) }
    return .object(members)
  }

  private static func error(_ json: JSONValue) throws(RNNError) -> RNNError {
    var reader = try JSONObjectReader(json, at: "error")
    // That process sees no options and paths, so it cannot report errors about them.
    guard let kind = RNNError.Kind(rawValue: try reader.string("kind")), [.badData, .inputOutput, .defect].contains(kind)
    else { throw reader.error("kind", "not a kind of error") }
    var error = RNNError(kind, try reader.string("problem"))
    if reader.has("place") { error.place = try reader.string("place") }
    if reader.has("remedy") { error.remedy = Phrase(try reader.string("remedy")) }
    try reader.finish()
    return error
  }
}
