import RNNModel

/// A zip archive, read in place: stored and deflated members, zip64; APPNOTE.TXT 6.3 is its specification.
///
/// The directory at the end is the authority, and every member's own header must agree with it. Members may not
/// overlap.
package struct ZipArchive: Sendable {
  /// Whether bytes begin as those of a zip archive do.
  package static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06])
  }

  /// The name that the first member's own header has, where the file begins with one; for archives that cannot be read.
  static func firstName(_ file: InputFile) -> String? {
    file.withUnsafeBytes { bytes in
      guard bytes.count > 30, bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) else { return nil }
      let length = Int(bytes[26]) | Int(bytes[27]) << 8
      return String(decoding: bytes[30..<min(30 + length, bytes.count)], as: UTF8.self)
    }
  }

  /// The members, without folders, in the directory's order.
  package let entries: [ZipEntry]
  private let storage: TensorStorage
  private let positions: [String: Int]
  var acceptsMissingChecksums: Bool

  /// Reads the directory and checks it against the members' headers. `acceptsMissingChecksums` takes a CRC of 0 for one
  /// that was not computed, as PyTorch writes it on request.
  package init(_ storage: TensorStorage, acceptsMissingChecksums: Bool = false) throws(RNNError) {
    self.storage = storage
    self.acceptsMissingChecksums = acceptsMissingChecksums
    let entries = try storage.withUnsafeBytes { (bytes) throws(RNNError) in
      try ZipDirectory(bytes).entries(of: bytes)
    }
    var positions: [String: Int] = [:]
    for (index, entry) in entries.enumerated() {
      guard positions.updateValue(index, forKey: entry.name) == nil else {
        throw entry.error("the name stands twice in the directory", "write the archive again")
      }
    }
    self.entries = entries.filter { !$0.name.hasSuffix("/") }
    self.positions = Dictionary(self.entries.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
  }

  /// The member of that name.
  package subscript(name: String) -> ZipEntry? { positions[name].map { entries[$0] } }

  /// A member's bytes, whose checksum has been verified. Stored ones are a part of the archive's storage, deflated ones
  /// in memory or, where large, in a scratch file.
  package func bytes(of entry: ZipEntry) throws(RNNError) -> TensorStorage {
    guard let stored = storage.slice(at: entry.offset, count: entry.storedCount) else {
      throw RNNError(.defect, place: "member \(entry.name)", "its bytes are outside the archive")
    }
    guard entry.isDeflated else {
      try check(entry, try ZipChecksum.of(stored))
      return stored
    }
    var found: UInt32 = 0
    let result = try ScratchSpace.shared.storage(entry.count) { (room) throws(RNNError) in
      found = try stored.withUnsafeBytes { (source) throws(RNNError) in
        try ZipInflation(entry).inflate(source, into: &room)
      }
    }
    try check(entry, found)
    return result
  }

  /// Throws, before any is unpacked, where the temporary files of so many members would find no room.
  package func requireRoom(for entries: [ZipEntry]) throws(RNNError) {
    var (sum, overflow) = (0, false)
    for entry in entries where entry.isDeflated && !overflow {
      (sum, overflow) = sum.addingReportingOverflow(entry.count)
    }
    try ScratchSpace.shared.requireRoom(overflow ? .max : sum)
  }

  /// The same bytes, unpacked only where they are needed in memory and else as they are read, from the first to the last,
  /// which is when their checksum is verified. What is wrong with them is thrown by reading; where they are needed in
  /// memory `failures` is told, and they are zeros.
  package func bytes(of entry: ZipEntry, unpacking failures: LateFailures) throws(RNNError) -> TensorStorage {
    guard entry.isDeflated, let stored = storage.slice(at: entry.offset, count: entry.storedCount) else {
      return try bytes(of: entry)
    }
    let member = LateMember(archive: self, entry: entry, stored: stored, failures: failures)
    return TensorStorage(count: entry.count) { (offset, target) throws(RNNError) in
      try member.read(offset, target)
    } making: {
      member.whole
    }
  }

  func check(_ entry: ZipEntry, _ checksum: UInt32) throws(RNNError) {
    if checksum == entry.checksum || (entry.checksum == 0 && acceptsMissingChecksums) { return }
    throw entry.error("its CRC-32 is \(Self.text(checksum)), expected \(Self.text(entry.checksum))")
  }

  private static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}

/// One member of a zip archive, as the directory describes it.
package struct ZipEntry: Sendable {
  package var name: String
  package var isDeflated: Bool
  /// CRC-32 of the bytes before compression.
  package var checksum: UInt32
  /// Bytes in the archive.
  package var storedCount: Int
  /// Bytes before compression.
  package var count: Int
  /// Where the member's own header is.
  var headerOffset: Int
  /// Where the member's bytes are.
  package var offset = 0

  func error(_ problem: String, _ remedy: String = "copy the file again; it is damaged") -> RNNError {
    RNNError(.badData, place: "member \(name)", problem, remedy: remedy)
  }

  /// What is wrong with a member's name, nil where nothing is. Nothing is ever unpacked under these names; they are
  /// refused because no honest writer makes them.
  static func problem(withName name: String) -> String? {
    if name.isEmpty { return "an empty name" }
    if name.utf8.count > Limits.maximumNameLength { return "a name of more than \(Limits.maximumNameLength) bytes" }
    if name.hasPrefix("/") || name.dropFirst().hasPrefix(":/") { return "an absolute path for a name" }
    if name.split(separator: "/").contains("..") { return "a name that leads out of the archive" }
    if name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) {
      return "a name with a backslash or a control character"
    }
    return nil
  }
}
