import RNNModel

/// The data that a file of named arrays must hold in addition to them, so that an archive can be restored completely.
///
/// A reference case's members are arrays named `cases/<case>/<member>`, in the file or encoded in its metadata.
package struct ArchiveEnvelope {
  package struct Case {
    var name: String
    var members: [String]
    var metadata: [JSONValue.Member]
  }

  package var architecture: Architecture?
  package var isOrdered = true
  package var cases: [Case] = []
  package var metadata: [JSONValue.Member] = []

  package init() {}

  package init(_ archive: TensorArchive) {
    architecture = archive.architecture
    isOrdered = archive.isOrdered
    cases = archive.cases.map { Case(name: $0.name, members: $0.members.map(\.name), metadata: $0.metadata) }
    metadata = archive.metadata
  }

  private static func arrayName(_ member: String, of name: String) -> String { "cases/\(name)/\(member)" }

  /// Every member of an archive's cases, named as its array. Refuses a name that a tensor or another member already has.
  package static func caseArrays(of archive: TensorArchive) throws(RNNError) -> [NamedTensor] {
    let arrays = archive.cases.flatMap { reference in
      reference.members.map { NamedTensor(arrayName($0.name, of: reference.name), $0.tensor) }
    }
    var names = Set(archive.tensors.map(\.name))
    for array in arrays where !names.insert(array.name).inserted {
      throw RNNError(.badData, place: "tensor \(array.name)", "a second array of the file would have this name",
        remedy: "rename the tensor or the case")
    }
    return arrays
  }

  /// Builds an archive from these arrays, in the file's order, and this envelope.
  package func archive(of arrays: [NamedTensor]) throws(RNNError) -> TensorArchive {
    var archive = TensorArchive(isOrdered: isOrdered)
    archive.architecture = architecture
    archive.metadata = metadata
    var rest = Dictionary(arrays.map { ($0.name, $0.tensor) }) { first, _ in first }
    for reference in cases {
      var members: [NamedTensor] = []
      for member in reference.members {
        let name = Self.arrayName(member, of: reference.name)
        guard let tensor = rest.removeValue(forKey: name) else {
          throw RNNError(.badData, place: "case \(reference.name)", "no array is named \(name), or two members are",
            remedy: "write the file again")
        }
        members.append(NamedTensor(member, tensor))
      }
      archive.cases.append(ReferenceCase(name: reference.name, members: members, metadata: reference.metadata))
    }
    for array in arrays where rest[array.name] != nil { try archive.append(array.name, array.tensor) }
    return archive
  }

  /// The cases' names and metadata: `[{"name": …, "members": […], "metadata": {…}}]`.
  package var casesJSON: JSONValue {
    .array(cases.map { reference in
      var members: [JSONValue.Member] = [
        .init("name", .string(reference.name)), .init("members", .array(reference.members.map { .string($0) })),
      ]
      if !reference.metadata.isEmpty { members.append(.init("metadata", .object(reference.metadata))) }
      return .object(members)
    })
  }

  /// Parses the output of `casesJSON`.
  package static func cases(_ json: JSONValue, at place: String) throws(RNNError) -> [Case] {
    guard let list = json.array else {
      throw RNNError(.badData, place: place, "not a list", remedy: "write the file again")
    }
    var cases: [Case] = []
    for (index, value) in list.enumerated() {
      var reader = try JSONObjectReader(value, at: "\(place)[\(index)]")
      let name = try reader.string("name")
      guard !cases.contains(where: { $0.name == name }) else { throw reader.error("name", "a second case \(name)") }
      var members: [String] = []
      for value in try reader.array("members") {
        guard let member = value.string else { throw reader.error("members", "not a list of names") }
        members.append(member)
      }
      var metadata: [JSONValue.Member] = []
      if let json = reader.optional("metadata") {
        guard let members = json.members else { throw reader.error("metadata", "not a JSON object") }
        metadata = members
      }
      try reader.finish()
      cases.append(Case(name: name, members: members, metadata: metadata))
    }
    return cases
  }
}
