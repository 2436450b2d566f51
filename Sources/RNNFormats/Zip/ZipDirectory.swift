import RNNModel

/// Where a zip archive's directory is, from the record at its end, and what it lists.
struct ZipDirectory {
  private static let damaged = "copy the file again; it is damaged"
  private var offset: Int
  private var size: Int
  private var count: Int

  /// Finds the directory. It must end where the records after it begin, and these where the file ends.
  init(_ bytes: UnsafeRawBufferPointer) throws(RNNError) {
    let end = try Self.end(of: bytes)
    var reader = ByteReader(bytes, at: end + 4)
    let disks: UInt32 = try reader.integer("the archive's end")
    let countHere: UInt16 = try reader.integer("the archive's end")
    let count: UInt16 = try reader.integer("the archive's end")
    let size: UInt32 = try reader.integer("the archive's end")
    let offset: UInt32 = try reader.integer("the archive's end")
    (self.count, self.size, self.offset) = (Int(count), Int(size), Int(offset))
    guard disks == 0, countHere == count else { throw Self.error(end, "an archive in several parts", "join the parts") }
    var directoryEnd = end
    if end >= 20, bytes[(end - 20)...].starts(with: [0x50, 0x4B, 0x06, 0x07]) {
      directoryEnd = try readZip64(bytes, locator: end - 20, short: (count, size, offset))
    }
    guard self.count <= Limits.maximumTensorCount else {
      throw Self.error(end, "\(self.count) members, more than the limit of \(Limits.maximumTensorCount)",
        "split the file")
    }
    guard self.size <= directoryEnd, self.offset == directoryEnd - self.size else {
      throw Self.error(end, "the directory is said to be at offset \(self.offset) with \(self.size) bytes, "
        + "expected to end at \(directoryEnd)", Self.damaged)
    }
  }

  private static func error(_ offset: Int, _ problem: String, _ remedy: String) -> RNNError {
    RNNError(.badData, place: "offset \(offset)", problem, remedy: remedy)
  }

  /// The offset of the end record: the last 22 bytes, or before a comment that reaches to the end of the file.
  private static func end(of bytes: UnsafeRawBufferPointer) throws(RNNError) -> Int {
    for comment in 0...min(0xFFFF, max(0, bytes.count - 22)) where bytes.count >= 22 {
      let offset = bytes.count - 22 - comment
      guard bytes[offset] == 0x50, bytes[offset...].starts(with: [0x50, 0x4B, 0x05, 0x06]) else { continue }
      if Int(bytes[offset + 20]) | Int(bytes[offset + 21]) << 8 == comment { return offset }
    }
    throw RNNError(.badData, place: "offset \(bytes.count)", "a zip archive without its directory",
      remedy: "copy the file again; it is cut short")
  }

  /// Reads the zip64 end record; returns its offset, where the directory must end.
  private mutating func readZip64(
    _ bytes: UnsafeRawBufferPointer, locator: Int, short: (UInt16, UInt32, UInt32)
  ) throws(RNNError) -> Int {
    var reader = ByteReader(bytes, at: locator + 4)
    let disk: UInt32 = try reader.integer("the zip64 locator")
    let record = try reader.length("the zip64 record's offset")
    let disks: UInt32 = try reader.integer("the zip64 locator")
    guard disk == 0, disks <= 1 else { throw Self.error(locator, "an archive in several parts", "join the parts") }
    guard record <= locator - 56, bytes[record...].starts(with: [0x50, 0x4B, 0x06, 0x06]) else {
      throw Self.error(locator, "no zip64 record at offset \(record)", Self.damaged)
    }
    reader = ByteReader(bytes, at: record + 4)
    let length = try reader.length("the zip64 record's length")
    guard length == locator - record - 12 else {
      throw Self.error(record, "a zip64 record of \(length) bytes, expected \(locator - record - 12)", Self.damaged)
    }
    _ = try reader.take(4, "the zip64 record")
    let parts: UInt64 = try reader.integer("the zip64 record")
    let countHere = try reader.length("the count of members")
    count = try reader.length("the count of members")
    size = try reader.length("the directory's size")
    offset = try reader.length("the directory's offset")
    guard parts == 0, countHere == count else {
      throw Self.error(record, "an archive in several parts", "join the parts")
    }
    guard short.0 == 0xFFFF || Int(short.0) == count, short.1 == .max || Int(short.1) == size,
      short.2 == .max || Int(short.2) == offset
    else { throw Self.error(record, "the zip64 record and the archive's end contradict each other", Self.damaged) }
    return record
  }

  /// The members in the directory's order, each checked against its own header and against its neighbours.
  func entries(of bytes: UnsafeRawBufferPointer) throws(RNNError) -> [ZipEntry] {
    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<(offset + size)]), at: offset)
    var entries: [ZipEntry] = []
    while reader.remaining > 0 {
      let place = reader.offset
      guard entries.count < count else {
        throw Self.error(place, "more members in the directory than the \(count) it is said to have", Self.damaged)
      }
      var entry = try entry(&reader)
      try locate(&entry, in: bytes)
      entries.append(entry)
    }
    guard entries.count == count else {
      throw Self.error(offset + size, "\(entries.count) members in the directory, expected \(count)", Self.damaged)
    }
    let byOffset = entries.sorted { $0.headerOffset < $1.headerOffset }
    for (entry, next) in zip(byOffset, byOffset.dropFirst())
    where entry.offset + entry.storedCount > next.headerOffset {
      throw entry.error("its bytes overlap those of \(next.name)", "use another source; the file is made to deceive")
    }
    return entries
  }

  private func entry(_ reader: inout ByteReader) throws(RNNError) -> ZipEntry {
    let place = reader.offset
    guard try reader.take(4, "the directory").elementsEqual([0x50, 0x4B, 0x01, 0x02]) else {
      throw Self.error(place, "no entry of the directory where one is expected", Self.damaged)
    }
    _ = try reader.take(4, "the directory")
    let flags: UInt16 = try reader.integer("the directory")
    let method: UInt16 = try reader.integer("the directory")
    _ = try reader.take(4, "the directory")
    let checksum: UInt32 = try reader.integer("the directory")
    let storedCount: UInt32 = try reader.integer("the directory")
    let count: UInt32 = try reader.integer("the directory")
    let nameLength: UInt16 = try reader.integer("the directory")
    let extraLength: UInt16 = try reader.integer("the directory")
    let commentLength: UInt16 = try reader.integer("the directory")
    let disk: UInt16 = try reader.integer("the directory")
    _ = try reader.take(6, "the directory")
    let headerOffset: UInt32 = try reader.integer("the directory")
    guard let name = String(validating: try reader.take(Int(nameLength), "a member's name"), as: UTF8.self) else {
      throw Self.error(place, "a member's name that is not UTF-8", "write the archive again")
    }
    if let problem = ZipEntry.problem(withName: name) { throw Self.error(place, problem, "write the archive again") }
    var entry = ZipEntry(
      name: name, isDeflated: method == 8, checksum: checksum, storedCount: Int(storedCount), count: Int(count),
      headerOffset: Int(headerOffset))
    var extra = try ZipExtra(reader.take(Int(extraLength), "a member's extra field"), of: entry)
    _ = try reader.take(Int(commentLength), "a member's comment")
    if count == .max { entry.count = try extra.length(entry) }
    if storedCount == .max { entry.storedCount = try extra.length(entry) }
    if headerOffset == .max { entry.headerOffset = try extra.length(entry) }
    guard flags & 0x2041 == 0 else { throw entry.error("it is encrypted", "write the archive without a password") }
    guard method == 0 || method == 8 else {
      throw entry.error("compression method \(method), expected 0 (stored) or 8 (deflated)", "compress it with deflate")
    }
    guard disk == 0 || disk == .max else { throw entry.error("it is in another part of the archive", "join the parts") }
    try Self.checkSizes(entry)
    return entry
  }

  private static func checkSizes(_ entry: ZipEntry) throws(RNNError) {
    if entry.isDeflated {
      let (limit, overflow) = entry.storedCount.multipliedReportingOverflow(by: Limits.maximumInflationRatio)
      guard overflow || entry.count <= limit else {
        throw entry.error("\(entry.count) bytes out of \(entry.storedCount), more than deflate can give",
          "use another source; the file is made to deceive")
      }
    } else {
      guard entry.count == entry.storedCount else {
        throw entry.error("it is stored, but \(entry.count) bytes are said to take \(entry.storedCount)")
      }
    }
    guard !entry.name.hasSuffix("/") || entry.count == 0 else { throw entry.error("it is a folder, but has bytes") }
  }

  /// Reads the member's own header, which must agree with the directory, and finds its bytes.
  private func locate(_ entry: inout ZipEntry, in bytes: UnsafeRawBufferPointer) throws(RNNError) {
    guard entry.headerOffset <= offset - 30,
      bytes[entry.headerOffset...].starts(with: [0x50, 0x4B, 0x03, 0x04])
    else { throw entry.error("no member at offset \(entry.headerOffset)") }
    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<offset]), at: entry.headerOffset + 6)
    let flags: UInt16 = try reader.integer("a member's header")
    let method: UInt16 = try reader.integer("a member's header")
    _ = try reader.take(4, "a member's header")
    let checksum: UInt32 = try reader.integer("a member's header")
    let storedCount: UInt32 = try reader.integer("a member's header")
    let count: UInt32 = try reader.integer("a member's header")
    let nameLength: UInt16 = try reader.integer("a member's header")
    let extraLength: UInt16 = try reader.integer("a member's header")
    let name = try reader.take(Int(nameLength), "a member's name")
    var extra = try ZipExtra(reader.take(Int(extraLength), "a member's extra field"), of: entry)
    guard name.elementsEqual(entry.name.utf8) else {
      throw entry.error("its own header has another name: \(String(decoding: name, as: UTF8.self))")
    }
    guard method == (entry.isDeflated ? 8 : 0) else {
      throw entry.error("its own header has another compression method")
    }
    guard flags & 0x2041 == 0 else { throw entry.error("it is encrypted", "write the archive without a password") }
    // With bit 3 these stand after the bytes, and here is nothing, or the same.
    let isDescribedLater = flags & 0x0008 != 0
    func agrees(_ here: Int, _ expected: Int) -> Bool { here == expected || (isDescribedLater && here == 0) }
    guard agrees(Int(checksum), Int(entry.checksum)) else { throw entry.error("its own header has another CRC-32") }
    // The extra field has both sizes where either does not fit.
    let usesExtra = (count == .max || storedCount == .max) && extra.hasZip64
    let longCount = usesExtra && count == .max ? try extra.length(entry) : Int(count)
    let longStored = usesExtra && storedCount == .max ? try extra.length(entry) : Int(storedCount)
    guard agrees(longCount, entry.count), agrees(longStored, entry.storedCount) else {
      throw entry.error("its own header has another size")
    }
    entry.offset = reader.offset
    guard entry.storedCount <= offset - entry.offset else {
      throw entry.error("\(entry.storedCount) bytes from offset \(entry.offset) reach into the directory")
    }
  }
}

/// The 64-bit numbers in a member's extra field, in the order they stand.
private struct ZipExtra {
  private var zip64: ByteReader?

  var hasZip64: Bool { zip64 != nil }

  init(_ bytes: UnsafeRawBufferPointer, of entry: ZipEntry) throws(RNNError) {
    var reader = ByteReader(bytes)
    while reader.remaining > 0 {
      guard reader.remaining >= 4 else { throw entry.error("its extra field is cut short") }
      let id: UInt16 = try reader.integer("an extra field")
      let length: UInt16 = try reader.integer("an extra field")
      guard reader.remaining >= Int(length) else { throw entry.error("its extra field is cut short") }
      let content = try reader.take(Int(length), "an extra field")
      if id == 1, zip64 == nil { zip64 = ByteReader(content) }
    }
  }

  mutating func length(_ entry: ZipEntry) throws(RNNError) -> Int {
    guard var reader = zip64, reader.remaining >= 8 else {
      throw entry.error("a 64-bit size or offset is missing in its extra field")
    }
    let value: UInt64 = try reader.integer("a 64-bit size")
    zip64 = reader
    guard let length = Int(exactly: value) else { throw entry.error("a size or offset of \(value)") }
    return length
  }
}
