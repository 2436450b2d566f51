import RNNModel

/// Reads a native file and accounts for every byte of it.
struct NativeReader {
  private let file: InputFile
  private static let remedy = "copy the file again; it is damaged"

  init(_ file: InputFile) {
    self.file = file
  }

  /// Tensors share the mapped file; every checksum has been verified.
  func archive() throws(RNNError) -> TensorArchive {
    let (header, headerEnd) = try file.withUnsafeBytes { (bytes) throws(RNNError) in try Self.header(bytes) }
    var reader = try JSONObjectReader(header, at: "header")
    var archive = TensorArchive(isOrdered: try reader.bool("ordered", default: true))
    if let json = reader.optional("architecture") { archive.architecture = try Architecture(json: json) }
    var end = headerEnd
    var count = 0
    for tensor in try tensors(try reader.array("tensors"), at: "header.tensors", end: &end, count: &count) {
      try archive.append(tensor.name, tensor.tensor)
    }
    if reader.has("cases") {
      for (index, json) in try reader.array("cases").enumerated() {
        archive.cases.append(try self.case(json, at: "header.cases[\(index)]", end: &end, count: &count))
      }
    }
    if Set(archive.cases.map(\.name)).count != archive.cases.count {
      throw reader.error("cases", "two cases have one name")
    }
    if let json = reader.optional("metadata") {
      guard let members = json.members else { throw reader.error("metadata", "not a JSON object") }
      archive.metadata = members
    }
    try reader.finish()
    guard end == file.count else {
      throw RNNError(.badData, place: "offset \(end)", "\(file.count - end) bytes that belong to no tensor",
        remedy: Self.remedy)
    }
    return archive
  }

  /// Checks the fixed part and the checksum, and returns the JSON with the offset of its end.
  private static func header(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> (JSONValue, Int) {
    func refuse(_ offset: Int, _ problem: Phrase, _ remedy: Phrase = Phrase(remedy)) -> RNNError {
      RNNError(.badData, place: "offset \(offset)", problem, remedy: remedy)
    }
    var reader = ByteReader(bytes)
    guard try reader.take(8, "the magic").elementsEqual(NativeHeader.magic) else {
      throw refuse(0, "not the magic of a native file, 89 52 4E 4E 0D 0A 1A 0A", "see \(.formats) for what can be read")
    }
    let version: UInt32 = try reader.integer("the version")
    guard version == NativeHeader.version else {
      throw refuse(8, "version \(version), expected \(NativeHeader.version)", "use a newer RNNKit")
    }
    let reserved: UInt32 = try reader.integer("the reserved field")
    guard reserved == 0 else { throw refuse(12, "a reserved field is \(reserved), expected 0", "use a newer RNNKit") }
    let headerSize = try reader.length("the header's length")
    guard headerSize <= Limits.maximumHeaderSize else {
      throw refuse(16, "a header of \(headerSize) bytes, more than the limit of \(Limits.maximumHeaderSize)")
    }
    let fileSize = try reader.length("the file's length")
    guard fileSize == bytes.count else {
      throw refuse(24, "the file has \(bytes.count) bytes, its header says \(fileSize)", "copy the file again; it is cut short or longer than it was")
    }
    let expected: UInt64 = try reader.integer("the header's checksum")
    let text = try reader.take(headerSize, "the header")
    var checksum = Checksum()
    checksum.update(UnsafeRawBufferPointer(rebasing: bytes[0..<32]))
    checksum.update(text)
    guard checksum.value == expected else {
      throw refuse(32, "the header's checksum is \(Checksum.text(checksum.value)), expected \(Checksum.text(expected))")
    }
    do throws(RNNError) {
      return (try JSONValue(parsing: text), reader.offset)
    } catch {
      var error = error
      error.place = "header, \(error.place ?? "")"
      throw error
    }
  }

  private func `case`(
    _ json: JSONValue, at place: String, end: inout Int, count: inout Int
  ) throws(RNNError) -> ReferenceCase {
    var reader = try JSONObjectReader(json, at: place)
    let name = try reader.string("name")
    guard name.utf8.count <= Limits.maximumNameLength else {
      throw reader.error("name", "more than \(Limits.maximumNameLength) bytes")
    }
    let members = try tensors(try reader.array("members"), at: "\(place).members", end: &end, count: &count)
    guard Set(members.map(\.name)).count == members.count else {
      throw reader.error("members", "two members have one name")
    }
    var metadata: [JSONValue.Member] = []
    if let json = reader.optional("metadata") {
      guard let members = json.members else { throw reader.error("metadata", "not a JSON object") }
      metadata = members
    }
    try reader.finish()
    return ReferenceCase(name: name, members: members, metadata: metadata)
  }

  /// Makes tensors of entries that must follow each other without a gap but alignment's zeros.
  private func tensors(
    _ entries: [JSONValue], at place: String, end: inout Int, count: inout Int
  ) throws(RNNError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    for (index, json) in entries.enumerated() {
      let entry = try NativeEntry(json: json, at: "\(place)[\(index)]")
      func refuse(_ problem: String) -> RNNError {
        RNNError(.badData, place: "tensor \(entry.name) at offset \(entry.offset)", problem, remedy: Self.remedy)
      }
      guard entry.name.utf8.count <= Limits.maximumNameLength else {
        throw RNNError(.badData, place: "\(place)[\(index)]", "a name of more than \(Limits.maximumNameLength) bytes",
          remedy: "rename the tensor")
      }
      count += 1
      guard count <= Limits.maximumTensorCount else { throw refuse("more than \(Limits.maximumTensorCount) tensors") }
      guard let expected = NativeHeader.aligned(end), entry.offset == expected else {
        throw refuse("expected at offset \(NativeHeader.aligned(end) ?? end), right after what comes before it")
      }
      let gap = file.withUnsafeBytes { bytes in
        bytes[min(end, bytes.count)..<min(entry.offset, bytes.count)].allSatisfy { $0 == 0 }
      }
      guard gap else { throw refuse("the bytes before it are not zero") }
      guard let tensor = Tensor(entry.elementType, entry.shape, in: file.storage, at: entry.offset) else {
        throw refuse("\(entry.byteCount) bytes are expected, the file has \(max(file.count - entry.offset, 0)) there")
      }
      let checksum = try Checksum.of(tensor)
      guard checksum == entry.checksum else {
        throw refuse("its checksum is \(Checksum.text(checksum)), expected \(Checksum.text(entry.checksum))")
      }
      end = entry.offset + entry.byteCount
      result.append(NamedTensor(entry.name, tensor))
    }
    return result
  }
}
