import RNNModel

/// Lays out an archive as a native file. The same archive always gives the same bytes.
struct NativeWriter {
  private let archive: TensorArchive
  /// Every tensor of the file, in its order: the model's, then those of the cases.
  private let tensors: [NamedTensor]
  private var entries: [NativeEntry]

  init(_ archive: TensorArchive) {
    self.archive = archive
    tensors = archive.tensors + archive.cases.flatMap(\.members)
    entries = tensors.map(NativeEntry.init)
  }

  func write(to file: inout OutputFile) throws(RNNError) {
    try check()
    // Offsets stand in the header and depend on its length, which depends on their digits: repeat until they agree.
    var layout = self
    var headerSize = 0
    while true {
      let next = layout.headerJSON().utf8.count
      if next == headerSize { break }
      headerSize = next
      try layout.place(after: headerSize)
    }
    guard headerSize <= Limits.maximumHeaderSize else {
      throw RNNError(.badData, file: file.path, "the header would take \(headerSize) bytes, more than \(Limits.maximumHeaderSize)",
        remedy: "carry fewer tensors or less metadata")
    }
    try Self.check(layout.headerJSON())
    // Tensors first, each read once: checksums come out on the way, and the header is put in front of them.
    try file.write([UInt8](repeating: 0, count: NativeHeader.fixedSize + headerSize))
    for index in layout.entries.indices {
      try file.pad(to: NativeHeader.alignment)
      layout.entries[index].checksum = try Self.copy(tensors[index].tensor, to: &file)
    }
    var head = NativeHeader.magic
    head.append(littleEndian: NativeHeader.version)
    head.append(littleEndian: UInt32(0))
    head.append(littleEndian: UInt64(headerSize))
    head.append(littleEndian: UInt64(file.position))
    let json = Array(layout.headerJSON().utf8)
    var checksum = Checksum()
    head.withUnsafeBytes { checksum.update($0) }
    json.withUnsafeBytes { checksum.update($0) }
    head.append(littleEndian: checksum.value)
    try (head + json).withUnsafeBufferPointer { (bytes) throws(RNNError) in
      try file.write(UnsafeRawBufferPointer(bytes), at: 0)
    }
  }

  private static func copy(_ tensor: Tensor, to file: inout OutputFile) throws(RNNError) -> UInt64 {
    var checksum = Checksum()
    try tensor.forEachPiece { (piece) throws(RNNError) in
      checksum.update(piece)
      try file.write(piece)
    }
    return checksum.value
  }

  /// Refuses what the reader would refuse, which other formats may hold.
  private func check() throws(RNNError) {
    func refuse(_ place: String, _ problem: String, _ remedy: String = "rename it") -> RNNError {
      RNNError(.badData, place: place, problem, remedy: remedy)
    }
    let longest = Limits.maximumNameLength
    guard tensors.count <= Limits.maximumTensorCount else {
      throw refuse("cases", "more than \(Limits.maximumTensorCount) tensors with those of the cases", "carry fewer cases")
    }
    var cases = Set<String>()
    for reference in archive.cases {
      guard cases.insert(reference.name).inserted else { throw refuse("case \(reference.name)", "a second case of this name") }
      guard reference.name.utf8.count <= longest else {
        throw refuse("case \(reference.name.prefix(60))…", "the name is longer than \(longest) bytes")
      }
      var members = Set<String>()
      for member in reference.members {
        let place = "case \(reference.name), member \(member.name.prefix(60))"
        guard members.insert(member.name).inserted else { throw refuse(place, "a second member of this name") }
        guard member.name.utf8.count <= longest else { throw refuse(place + "…", "the name is longer than \(longest) bytes") }
      }
    }
  }

  /// Reads the header back: metadata of another format may be nested too deep for it, or an activation hold a NaN.
  private static func check(_ header: String) throws(RNNError) {
    do throws(RNNError) {
      if let architecture = try JSONValue(parsing: header)["architecture"] { _ = try Architecture(json: architecture) }
    } catch {
      throw RNNError(.badData, place: "header, \(error.place ?? "")", "a native file cannot hold it: \(error.problem)",
        remedy: "carry less metadata, or correct the architecture")
    }
  }

  private mutating func place(after headerSize: Int) throws(RNNError) {
    var end = NativeHeader.fixedSize + headerSize
    for index in entries.indices {
      guard let offset = NativeHeader.aligned(end), case (let next, let overflow) =
        offset.addingReportingOverflow(entries[index].byteCount), !overflow
      else {
        throw RNNError(.badData, place: "tensor \(entries[index].name)", "the tensors are larger than any file",
          remedy: "carry fewer tensors")
      }
      entries[index].offset = offset
      end = next
    }
  }

  private func headerJSON() -> String {
    var rest = entries[...]
    func list(_ count: Int) -> JSONValue {
      defer { rest = rest.dropFirst(count) }
      return .array(rest.prefix(count).map(\.json))
    }
    var members: [JSONValue.Member] = []
    if let architecture = archive.architecture { members.append(.init("architecture", architecture.json)) }
    if !archive.isOrdered { members.append(.init("ordered", .bool(false))) }
    members.append(.init("tensors", list(archive.tensors.count)))
    if !archive.cases.isEmpty {
      members.append(.init("cases", .array(archive.cases.map { reference in
        var members: [JSONValue.Member] = [
          .init("name", .string(reference.name)), .init("members", list(reference.members.count)),
        ]
        if !reference.metadata.isEmpty { members.append(.init("metadata", .object(reference.metadata))) }
        return .object(members)
      })))
    }
    if !archive.metadata.isEmpty { members.append(.init("metadata", .object(archive.metadata))) }
    return JSONValue.object(members).text
  }
}

extension [UInt8] {
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
