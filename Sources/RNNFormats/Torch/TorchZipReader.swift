import RNNModel

/// Reads a zip of torch.save or of TorchScript: `<stem>/data.pkl`, and a storage in each `<stem>/data/<key>`.
struct TorchZipReader {
  private let zip: ZipArchive
  private let stem: String

  /// Nil for an archive of another kind, unless it is named as one of these. An archive that cannot be read is taken for what
  /// its first member is.
  init?(_ file: InputFile, isNamed: Bool) throws(RNNError) {
    do throws(RNNError) { zip = try file.zip(acceptsMissingChecksums: true) } catch {
      let first = ZipArchive.firstName(file) ?? ""
      guard isNamed || first.hasSuffix("/data.pkl") || first.hasSuffix("/data/0") else { return nil }
      throw error
    }
    guard let stem = Self.stem(of: zip) else {
      guard isNamed else { return nil }
      throw RNNError(.badData, "a zip archive without a data.pkl", remedy: "see \(.formats) for what can be read")
    }
    self.stem = stem
  }

  /// What stands before `/data.pkl`.
  static func stem(of zip: ZipArchive) -> String? {
    let suffix = "/data.pkl"
    return zip.entries.first { $0.name.hasSuffix(suffix) && $0.name.count { $0 == "/" } == 1 }
      .map { String($0.name.dropLast(suffix.utf8.count)) }
  }

  func archive(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    let isScript = zip["\(stem)/constants.pkl"] != nil
    let graph = try pickle("data.pkl")
    let objects = TorchObjects(graph)
    var tensors = try tensors(in: "data")
    if isScript {
      if let entry = request.entry { throw ModelEntry.onlyOne(entry, in: "a TorchScript archive") }
      let code = { (path: String) throws(RNNError) -> String? in try self.text("code/\(path)") }
      var script = TorchScript(objects, code: code, constants: numbers())
      return try script.archive(&tensors)
    }
    var archive = try TorchStateDict(objects, request).archive(&tensors)
    try TorchExtra.read(from: zip, stem: stem, into: &archive)
    return archive
  }

  /// Tensors whose storages are in a folder of the archive.
  private func tensors(in folder: String) throws(RNNError) -> TorchTensors {
    let (zip, stem) = (zip, stem)
    return TorchTensors(isBigEndian: try isBigEndian()) { storage throws(RNNError) in
      guard let entry = zip["\(stem)/\(folder)/\(storage.key)"] else {
        throw RNNError(
          .badData, place: "member \(stem)/\(folder)/\(storage.key)", "missing",
          remedy: "copy the file again, or save it again")
      }
      // Before a deflated one takes room.
      guard let size = storage.byteCount, entry.count == size else {
        throw RNNError(
          .badData, place: "member \(entry.name)",
          "\(entry.count) bytes, expected \(storage.count) elements of \(storage.elementType?.rawValue ?? "one byte")",
          remedy: "copy the file again, or save it again")
      }
      return try zip.bytes(of: entry)
    }
  }

  /// The numbers of the tensors in `constants.pkl`, which TorchScript's code names `CONSTANTS.c0` and so on; nil for
  /// those that are no few numbers.
  private func numbers() -> (Int) -> [Double]? {
    guard let graph = try? pickle("constants.pkl"), let elements = graph.tuple(graph.root),
      var tensors = try? tensors(in: "constants")
    else { return { _ in nil } }
    let objects = TorchObjects(graph)
    var known: [Int: [Double]?] = [:]
    return { number in
      if let known = known[number] { return known }
      var result: [Double]?
      if elements.indices.contains(number), objects.isTensor(elements[number]),
        let view = try? objects.view(elements[number], named: "c\(number)"), view.sizes.count <= 1,
        view.sizes.reduce(1, &*) <= Limits.maximumCodeNumbers, let tensor = try? tensors.tensor(view, named: "c\(number)"),
        tensor.count > 0
      {
        let values = tensor.doubles
        if values.count == tensor.count, values.allSatisfy(\.isFinite) { result = values }
      }
      known[number] = result
      return result
    }
  }

  private func pickle(_ member: String) throws(RNNError) -> PickleGraph {
    guard let storage = try bytes(member, limit: Limits.maximumPickleSize) else {
      throw RNNError(.badData, place: "member \(stem)/\(member)", "missing", remedy: "save the file again")
    }
    return try storage.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      let graph = try PickleMachine.run(&reader, in: storage, at: member)
      guard reader.remaining == 0 else {
        throw RNNError(
          .badData, place: "\(member), offset \(reader.offset)", "\(reader.remaining) bytes after the pickle",
          remedy: "copy the file again, or save it again")
      }
      return graph
    }
  }

  /// A member's bytes, no more than the limit. Nil where there is none.
  private func bytes(
    _ member: String, limit: Int = Limits.maximumHeaderSize
  ) throws(RNNError) -> TensorStorage? {
    guard let entry = zip["\(stem)/\(member)"] else { return nil }
    guard entry.count <= limit else {
      throw RNNError(
        .badData, place: "member \(entry.name)", "\(entry.count) bytes, more than the limit of \(limit)",
        remedy: "save the model's tensors alone")
    }
    return try zip.bytes(of: entry)
  }

  private func text(_ member: String) throws(RNNError) -> String? {
    try bytes(member)?.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Files of before torch 2.1 do not say, and are little-endian.
  private func isBigEndian() throws(RNNError) -> Bool {
    switch try text("byteorder") {
    case nil, "little": return false
    case "big": return true
    case let other?:
      throw RNNError(
        .badData, place: "member \(stem)/byteorder", "\"\(other.prefix(20))\", expected little or big",
        remedy: "save the file again")
    }
  }
}
