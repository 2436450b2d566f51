import RNNModel

/// Writes a zip archive of stored members, each at an offset that is a multiple of 64, without times: the same members
/// always give the same bytes. zip64 where sizes or offsets need it.
package struct ZipWriter {
  /// What members' bytes are aligned to, so that a mapped archive can be used in place.
  package static let alignment = 64

  private struct Entry {
    var name: [UInt8]
    var flags: UInt16
    var checksum: UInt32 = 0
    var count: Int
    var headerOffset: Int
  }

  private var entries: [Entry] = []
  private var names = Set<String>()
  private var checksum = ZipChecksum()
  private var remaining = 0

  package init() {}

  /// Adds a member made of pieces of known size, which `body` writes one after the other.
  package mutating func add(
    _ name: String, count: Int, to file: inout OutputFile,
    _ body: (inout ZipWriter, inout OutputFile) throws(RNNError) -> Void
  ) throws(RNNError) {
    try begin(name, count: count, to: &file)
    try body(&self, &file)
    try end(&file)
  }

  /// Adds a member of these bytes.
  package mutating func add(_ name: String, _ bytes: [UInt8], to file: inout OutputFile) throws(RNNError) {
    try add(name, count: bytes.count, to: &file) { (writer, file) throws(RNNError) in
      try writer.write(bytes, to: &file)
    }
  }

  /// Adds a member of a tensor's bytes.
  package mutating func add(_ name: String, _ tensor: Tensor, to file: inout OutputFile) throws(RNNError) {
    try add(name, count: tensor.byteCount, to: &file) { (writer, file) throws(RNNError) in
      try writer.write(tensor, to: &file)
    }
  }

  /// Appends bytes to the member that is being added.
  package mutating func write(_ bytes: UnsafeRawBufferPointer, to file: inout OutputFile) throws(RNNError) {
    guard bytes.count <= remaining else { throw RNNError(.defect, "a member has more bytes than were announced") }
    remaining -= bytes.count
    checksum.update(bytes)
    try file.write(bytes)
  }

  /// Appends a tensor's bytes to the member that is being added.
  package mutating func write(_ tensor: Tensor, to file: inout OutputFile) throws(RNNError) {
    try tensor.forEachPiece { (piece) throws(RNNError) in try write(piece, to: &file) }
  }

  /// Appends bytes to the member that is being added.
  package mutating func write(_ bytes: [UInt8], to file: inout OutputFile) throws(RNNError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(RNNError) in
      try write(UnsafeRawBufferPointer(bytes), to: &file)
    }
  }

  private mutating func begin(_ name: String, count: Int, to file: inout OutputFile) throws(RNNError) {
    if let problem = ZipEntry.problem(withName: name) {
      throw RNNError(.badData, place: "tensor \(name)", "a zip archive cannot hold it: \(problem)",
        remedy: "rename it, or write another format")
    }
    guard names.insert(name).inserted else {
      throw RNNError(.badData, place: "tensor \(name)", "a second member of the archive would have this name",
        remedy: "rename it, or write another format")
    }
    let bytes = Array(name.utf8)
    // Bit 11 says that the name is UTF-8.
    var entry = Entry(name: bytes, flags: bytes.contains { $0 >= 0x80 } ? 0x0800 : 0, count: count, headerOffset: 0)
    entry.headerOffset = file.position
    entries.append(entry)
    (checksum, remaining) = (ZipChecksum(), count)

    let isLong = count >= Int(UInt32.max)
    var extra: [UInt8] = []
    if isLong {
      extra.append(littleEndian: UInt16(1))
      extra.append(littleEndian: UInt16(16))
      extra.append(littleEndian: UInt64(count))
      extra.append(littleEndian: UInt64(count))
    }
    let end = file.position + 30 + bytes.count + extra.count + 4
    let padding = (Self.alignment - end % Self.alignment) % Self.alignment
    // PyTorch pads with the same field.
    extra += Array("FB".utf8)
    extra.append(littleEndian: UInt16(padding))
    extra += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)

    var header: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
    header.append(littleEndian: UInt16(isLong ? 45 : 20))
    header.append(littleEndian: entry.flags)
    header.append(littleEndian: UInt16(0))
    header.append(littleEndian: Self.noTime)
    header.append(littleEndian: UInt32(0))
    header.append(littleEndian: Self.short(count))
    header.append(littleEndian: Self.short(count))
    header.append(littleEndian: UInt16(bytes.count))
    header.append(littleEndian: UInt16(extra.count))
    try file.write(header + bytes + extra)
  }

  private mutating func end(_ file: inout OutputFile) throws(RNNError) {
    guard remaining == 0 else { throw RNNError(.defect, "a member has fewer bytes than were announced") }
    entries[entries.count - 1].checksum = checksum.value
    let offset = entries[entries.count - 1].headerOffset + 14
    try withUnsafeBytes(of: checksum.value.littleEndian) { (bytes) throws(RNNError) in
      try file.write(bytes, at: offset)
    }
  }

  /// 1 January 1980, midnight: the earliest that zip has.
  private static let noTime = UInt32(0x0021) << 16

  /// The 32-bit field of a number that may stand in a zip64 field.
  private static func short(_ value: Int) -> UInt32 { UInt32(exactly: value) ?? .max }

  /// Writes the directory, after which nothing may be added.
  package consuming func finish(_ file: inout OutputFile) throws(RNNError) {
    let start = file.position
    for entry in entries {
      var extra: [UInt8] = []
      for value in [entry.count, entry.count, entry.headerOffset] where value >= Int(UInt32.max) {
        extra.append(littleEndian: UInt64(value))
      }
      if !extra.isEmpty {
        var field: [UInt8] = []
        field.append(littleEndian: UInt16(1))
        field.append(littleEndian: UInt16(extra.count))
        extra = field + extra
      }
      var record: [UInt8] = [0x50, 0x4B, 0x01, 0x02]
      let version = UInt16(extra.isEmpty ? 20 : 45)
      record.append(littleEndian: version)
      record.append(littleEndian: version)
      record.append(littleEndian: entry.flags)
      record.append(littleEndian: UInt16(0))
      record.append(littleEndian: Self.noTime)
      record.append(littleEndian: entry.checksum)
      record.append(littleEndian: Self.short(entry.count))
      record.append(littleEndian: Self.short(entry.count))
      record.append(littleEndian: UInt16(entry.name.count))
      record.append(littleEndian: UInt16(extra.count))
      // No comment, the first part, no attributes.
      record += [UInt8](repeating: 0, count: 10)
      record.append(littleEndian: Self.short(entry.headerOffset))
      try file.write(record + entry.name + extra)
    }
    try file.write(Self.ending(count: entries.count, start: start, end: file.position))
  }

  /// The records after the directory.
  private static func ending(count: Int, start: Int, end: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    if count >= 0xFFFF || end >= Int(UInt32.max) {
      bytes += [0x50, 0x4B, 0x06, 0x06]
      bytes.append(littleEndian: UInt64(44))
      bytes.append(littleEndian: UInt16(45))
      bytes.append(littleEndian: UInt16(45))
      bytes.append(littleEndian: UInt64(0))
      for value in [count, count, end - start, start] { bytes.append(littleEndian: UInt64(value)) }
      bytes += [0x50, 0x4B, 0x06, 0x07]
      bytes.append(littleEndian: UInt32(0))
      bytes.append(littleEndian: UInt64(end))
      bytes.append(littleEndian: UInt32(1))
    }
    bytes += [0x50, 0x4B, 0x05, 0x06]
    bytes.append(littleEndian: UInt32(0))
    let shortCount = UInt16(exactly: count) ?? .max
    bytes.append(littleEndian: shortCount)
    bytes.append(littleEndian: shortCount)
    bytes.append(littleEndian: short(end - start))
    bytes.append(littleEndian: short(start))
    bytes.append(littleEndian: UInt16(0))
    return bytes
  }
}
