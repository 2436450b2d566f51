import RNNModel

/// safetensors, one file or several under an index.
///
/// What is no tensor of the model stands in `__metadata__`: `rnnkit.architecture`, `rnnkit.cases`, `rnnkit.arrays` (the
/// cases' members, encoded), `rnnkit.metadata`, `rnnkit.order` and `rnnkit.ordered`, each JSON text. Metadata that are
/// strings alone stand there as they are. So what `load_file` gives is the state_dict and nothing else.
public struct SafetensorsFormat: ModelFormat {
  public let name = "safetensors"
  public let summary = "one file, or several under model.safetensors.index.json"
  public let exceptions = "\(Self.refusesCells); complex128 tensors, and reference cases of more than 16 MiB"
  public let fileExtensions = ["safetensors"]
  public let holdsStateDict = true
  public let holdsQuantized = true

  static let prefix = "rnnkit."

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    if file.withUnsafeBytes(SafetensorsIndex.recognizes) {
      return OpenedFile { (_) throws(RNNError) in try SafetensorsIndex(file).archive() }
    }
    guard isNamed || file.withUnsafeBytes(SafetensorsHeader.begins) else { return nil }
    return OpenedFile { (_) throws(RNNError) in
      let (arrays, header) = try Self.arrays(of: file)
      return try Self.archive(of: arrays, metadata: header.metadata, isOrdered: !header.isSortedByName)
    }
  }

  /// The tensors of one file, which share its mapping, in the order of their offsets.
  static func arrays(of file: InputFile) throws(RNNError) -> ([NamedTensor], SafetensorsHeader) {
    let header = try file.withUnsafeBytes { (bytes) throws(RNNError) in try SafetensorsHeader(bytes) }
    var arrays: [NamedTensor] = []
    for entry in header.entries {
      guard let tensor = Tensor(entry.elementType, entry.shape, in: file.storage, at: header.dataOffset + entry.start)
      else { throw RNNError(.defect, place: "tensor \(entry.name)", "it is outside the file") }
      arrays.append(NamedTensor(entry.name, tensor))
    }
    return (arrays, header)
  }

  /// The archive that the tensors and the metadata make. `isOrdered` holds for files that do not say it.
  static func archive(
    of arrays: [NamedTensor], metadata: [(key: String, value: String)], isOrdered: Bool
  ) throws(RNNError) -> TensorArchive {
    var envelope = ArchiveEnvelope()
    envelope.isOrdered = isOrdered
    var arrays = arrays
    var encoded: [NamedTensor] = []
    for (key, value) in metadata {
      guard key.hasPrefix(prefix) else {
        if let other = envelope.metadata.first(where: { $0.key == key }) {
          throw RNNError(.badData, place: "\(SafetensorsHeader.metadataKey).\(key)",
            "the key stands twice, also as \(other.value.text)", remedy: "write the file again")
        }
        envelope.metadata.append(.init(key, .string(value)))
        continue
      }
      let place = "\(SafetensorsHeader.metadataKey).\(key)"
      func refuse(_ problem: String) -> RNNError {
        RNNError(.badData, place: place, problem, remedy: "write the file again")
      }
      let json: JSONValue
      do throws(RNNError) {
        json = try JSONValue(parsing: value)
      } catch {
        throw RNNError(error.kind, place: place + (error.place.map { ", " + $0 } ?? ""), error.problem,
          remedy: error.remedy)
      }
      switch key.dropFirst(prefix.count) {
      case "architecture": envelope.architecture = try Architecture(json: json)
      case "cases": envelope.cases = try ArchiveEnvelope.cases(json, at: place)
      case "arrays": encoded = try EncodedArray.arrays(json, at: place)
      case "ordered":
        guard let isOrdered = json.bool else { throw refuse("neither true nor false") }
        envelope.isOrdered = isOrdered
      case "metadata":
        guard let members = json.members else { throw refuse("not a JSON object") }
        for member in members {
          guard !envelope.metadata.contains(where: { $0.key == member.key }) else {
            throw refuse("the key \(member.key) stands beside it too")
          }
          envelope.metadata.append(member)
        }
      case "order":
        guard let names = json.array?.compactMap(\.string), names.count == arrays.count else {
          throw refuse("not a list of every tensor's name")
        }
        let tensors = Dictionary(arrays.map { ($0.name, $0.tensor) }) { first, _ in first }
        var seen = Set<String>()
        for (index, name) in names.enumerated() {
          guard let tensor = tensors[name], seen.insert(name).inserted else {
            throw refuse("no tensor is named \(name), or it stands twice")
          }
          arrays[index] = NamedTensor(name, tensor)
        }
      default: throw refuse("an unknown key, which may change what the model computes")
      }
    }
    return try envelope.archive(of: arrays + encoded)
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    let archive = model.archive
    let caseArrays = try ArchiveEnvelope.caseArrays(of: archive)
    let caseSize = caseArrays.reduce(0) { $0 + $1.tensor.byteCount }
    guard caseSize <= Limits.maximumEncodedCases else {
      let most = Limits.maximumEncodedCases
      throw RNNError(
        .badData, "its reference cases have \(caseSize) bytes, and safetensors' metadata take no more than \(most) of them",
        remedy: "leave them out with \(.noCases), or write another format")
    }
    // Larger elements first, as the reference does it: so every tensor is aligned without a gap.
    let sorted = archive.tensors.enumerated().sorted {
      ($1.element.tensor.elementType.byteCount, $0.offset) < ($0.element.tensor.elementType.byteCount, $1.offset)
    }.map(\.element)
    let isReordered = zip(sorted, archive.tensors).contains { $0.name != $1.name }

    let metadata = Self.metadata(of: archive, caseArrays, isReordered: isReordered)
    var members = [JSONValue.Member(SafetensorsHeader.metadataKey, metadata)]
    var end = 0
    for array in sorted {
      guard array.name != SafetensorsHeader.metadataKey else {
        throw RNNError(.badData, place: "tensor \(array.name)", "safetensors keeps this name for itself",
          remedy: "rename the tensor")
      }
      let type = array.tensor.elementType
      guard let dtype = SafetensorsHeader.types.first(where: { $0.value == type })?.key else {
        throw RNNError(.badData, place: "tensor \(array.name)", "safetensors has no \(type.rawValue)",
          remedy: "write another format")
      }
      let (next, overflow) = end.addingReportingOverflow(array.tensor.byteCount)
      guard !overflow else {
        throw RNNError(.badData, place: "tensor \(array.name)", "the tensors are larger than any file",
          remedy: "carry fewer tensors")
      }
      members.append(.init(array.name, .object([
        .init("dtype", .string(dtype)),
        .init("shape", .array(array.tensor.shape.dimensions.map { .integer(Int64($0)) })),
        .init("data_offsets", .array([.integer(Int64(end)), .integer(Int64(next))])),
      ])))
      end = next
    }
    var text = Array(JSONValue.object(members).text.utf8)
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    guard text.count <= Limits.maximumSafetensorsHeaderSize else {
      throw RNNError(.badData, "the header would take \(text.count) bytes, more than safetensors' "
        + "\(Limits.maximumSafetensorsHeaderSize)", remedy: "carry fewer tensors or less metadata")
    }
    var head: [UInt8] = []
    head.append(littleEndian: UInt64(text.count))
    try file.write(head + text)
    for array in sorted {
      try array.tensor.forEachPiece { (piece) throws(RNNError) in try file.write(piece) }
    }
  }

  private static func metadata(
    of archive: TensorArchive, _ caseArrays: [NamedTensor], isReordered: Bool
  ) -> JSONValue {
    let envelope = ArchiveEnvelope(archive)
    var members: [JSONValue.Member] = []
    func add(_ key: String, _ json: JSONValue) { members.append(.init(prefix + key, .string(json.text))) }
    if let architecture = envelope.architecture { add("architecture", architecture.json) }
    add("ordered", .bool(envelope.isOrdered))
    if isReordered { add("order", .array(archive.tensors.map { .string($0.name) })) }
    if !envelope.cases.isEmpty { add("cases", envelope.casesJSON) }
    if !caseArrays.isEmpty { add("arrays", .array(caseArrays.map(EncodedArray.json))) }
    if envelope.metadata.allSatisfy({ $0.value.string != nil && !$0.key.hasPrefix(prefix) }) {
      members += envelope.metadata
    } else {
      add("metadata", .object(envelope.metadata))
    }
    return .object(members)
  }
}
