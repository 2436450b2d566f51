import RNNModel

/// NumPy's `.npz` with an array for each tensor.
///
/// What arrays cannot say stands in a uint8 array named `__rnnkit__`, as JSON text: `architecture`, `ordered`, `cases`,
/// `metadata`, and in `dtypes` the types that NumPy lacks, whose bits are held by unsigned integers of their size.
/// `numpy.load` needs no pickle to open any of it. Files without that array are read just as well.
public struct NPZFormat: ModelFormat {
  public let name = "npz"
  public let summary = "NumPy's arrays in a zip archive: stored or deflated, C or Fortran order, either byte order"
  public let fileExtensions = ["npz"]
  public let holdsStateDict = true
  public var exceptions: String { Self.refusesCells }

  static let envelopeName = "__rnnkit__"

  public init() {}

  /// A zip archive of nothing but arrays, or a damaged one that begins with an array.
  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.withUnsafeBytes(ZipArchive.begins) else { return nil }
    let suffix = NPZArrays.memberExtension
    let zip: ZipArchive
    do throws(RNNError) { zip = try file.zip() } catch {
      guard isNamed || ZipArchive.firstName(file)?.hasSuffix(suffix) == true else { return nil }
      throw error
    }
    guard isNamed || !zip.entries.isEmpty && zip.entries.allSatisfy({ $0.name.hasSuffix(suffix) }) else { return nil }
    return OpenedFile { (request) throws(RNNError) in
      try Self.archive(of: NPZArrays.read(zip, unpacking: request.supplied.isEmpty ? request.unpacking : nil))
    }
  }

  private static func archive(of arrays: [NamedTensor]) throws(RNNError) -> TensorArchive {
    var arrays = arrays
    guard let index = arrays.firstIndex(where: { $0.name == envelopeName }) else {
      return try ArchiveEnvelope().archive(of: arrays)
    }
    let text = arrays.remove(at: index).tensor
    guard text.elementType == .uint8, text.shape.rank == 1, text.count <= Limits.maximumHeaderSize else {
      throw RNNError(.badData, place: "array \(envelopeName)",
        "\(text.elementType.rawValue) \(text.shape), expected uint8 and one axis of at most "
          + "\(Limits.maximumHeaderSize)",
        remedy: "write the file again")
    }
    let json: JSONValue
    do throws(RNNError) {
      json = try text.withUnsafeBytes { (bytes) throws(RNNError) in try JSONValue(parsing: bytes) }
    } catch {
      throw RNNError(error.kind, place: "array \(envelopeName)" + (error.place.map { ", " + $0 } ?? ""), error.problem,
        remedy: error.remedy)
    }
    var reader = try JSONObjectReader(json, at: envelopeName)
    var envelope = ArchiveEnvelope()
    if let json = reader.optional("architecture") { envelope.architecture = try Architecture(json: json) }
    envelope.isOrdered = try reader.bool("ordered", default: true)
    if let json = reader.optional("cases") {
      envelope.cases = try ArchiveEnvelope.cases(json, at: "\(envelopeName).cases")
    }
    if let json = reader.optional("metadata") {
      guard let members = json.members else { throw reader.error("metadata", "not a JSON object") }
      envelope.metadata = members
    }
    if let json = reader.optional("dtypes") {
      guard let members = json.members else { throw reader.error("dtypes", "not a JSON object") }
      for member in members { try retype(&arrays, member) }
    }
    try reader.finish()
    return try envelope.archive(of: arrays)
  }

  /// Gives an array the type that NumPy lacks.
  private static func retype(_ arrays: inout [NamedTensor], _ member: JSONValue.Member) throws(RNNError) {
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: "\(envelopeName).dtypes.\(member.key)", problem, remedy: "write the file again")
    }
    guard let index = arrays.firstIndex(where: { $0.name == member.key }) else { throw refuse("no such array") }
    guard let type = member.value.string.flatMap(ElementType.init(rawValue:)), let stored = storedType(type) else {
      throw refuse("not a type that NumPy lacks")
    }
    let array = arrays[index].tensor
    guard array.elementType == stored,
      let tensor = Tensor(type, array.shape, in: array.storage, at: array.offset)
    else {
      throw refuse("the array is \(array.elementType.rawValue), expected \(stored.rawValue) for \(type.rawValue)")
    }
    arrays[index].tensor = tensor
  }

  /// The unsigned integer that holds the bits of a type NumPy lacks.
  private static func storedType(_ type: ElementType) -> ElementType? {
    switch type {
    case .bfloat16: .uint16
    case .float8_e4m3fn, .float8_e5m2: .uint8
    default: nil
    }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    let archive = model.archive
    let envelope = ArchiveEnvelope(archive)
    var arrays = archive.tensors + (try ArchiveEnvelope.caseArrays(of: archive))
    var types: [JSONValue.Member] = []
    for (index, array) in arrays.enumerated() {
      guard let stored = Self.storedType(array.tensor.elementType) else { continue }
      guard let tensor = Tensor(stored, array.tensor.shape, in: array.tensor.storage, at: array.tensor.offset) else {
        throw RNNError(.defect, place: "tensor \(array.name)", "its bits do not fit \(stored.rawValue)")
      }
      types.append(.init(array.name, .string(array.tensor.elementType.rawValue)))
      arrays[index].tensor = tensor
    }
    var members: [JSONValue.Member] = []
    if let architecture = envelope.architecture { members.append(.init("architecture", architecture.json)) }
    if !envelope.isOrdered { members.append(.init("ordered", .bool(false))) }
    if !envelope.cases.isEmpty { members.append(.init("cases", envelope.casesJSON)) }
    if !envelope.metadata.isEmpty { members.append(.init("metadata", .object(envelope.metadata))) }
    if !types.isEmpty { members.append(.init("dtypes", .object(types))) }
    let text = Array(JSONValue.object(members).text.utf8)
    guard let shape = Shape([text.count]), let tensor = Tensor(.uint8, shape, fill: { $0.copyBytes(from: text) }) else {
      throw RNNError(.defect, "the JSON text fits no tensor")
    }
    try NPZArrays.write(arrays + [NamedTensor(Self.envelopeName, tensor)], to: &file)
  }
}
