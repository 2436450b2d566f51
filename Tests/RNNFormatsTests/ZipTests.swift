import RNNFormats
import RNNModel
import Testing

@Suite struct ZipTests {
  typealias Member = ZipBytes.Member

  /// The members' names and texts.
  static func read(_ bytes: [UInt8], acceptsMissingChecksums: Bool = false) throws -> [String] {
    let archive = try ZipArchive(bytes.file.storage, acceptsMissingChecksums: acceptsMissingChecksums)
    return try archive.entries.map { entry in
      let text = try archive.bytes(of: entry).withUnsafeBytes { bytes in String(decoding: bytes, as: UTF8.self) }
      return "\(entry.name): \(text)"
    }
  }

  @Test func readsStoredAndDeflatedMembers() throws {
    var second = Member.deflated
    second.name = "folder/é"
    #expect(try Self.read(ZipBytes(Member(), second).bytes) == ["a: hello", "folder/é: hello"])
  }

  @Test func lendsStoredBytes() throws {
    let file = ZipBytes().bytes.file
    let archive = try ZipArchive(file.storage)
    let entry = try #require(archive["a"])
    let address = try archive.bytes(of: entry).withUnsafeBytes { bytes in bytes.baseAddress }
    #expect(file.withUnsafeBytes { bytes in bytes.baseAddress.map { $0 + 31 } } == address)
  }

  @Test func readsAnEmptyArchive() throws {
    var archive = ZipBytes()
    archive.members = []
    #expect(try Self.read(archive.bytes).isEmpty)
  }

  @Test func passesOverFolders() throws {
    let folder = Member(name: "folder/", checksum: 0, data: [], count: 0)
    #expect(try Self.read(ZipBytes(folder, Member()).bytes) == ["a: hello"])
  }

  @Test func readsPastAComment() throws {
    var archive = ZipBytes()
    archive.comment = Array("PK\u{5}\u{6} is no end".utf8)
    #expect(try Self.read(archive.bytes) == ["a: hello"])
  }

  @Test func readsSizesThatFollowTheBytes() throws {
    let descriptor: [UInt8] = [0x50, 0x4B, 7, 8, 0x86, 0xA6, 0x10, 0x36, 5, 0, 0, 0, 5, 0, 0, 0]
    let member = Member(flags: 8, localChecksum: 0, localCount: 0, localStoredCount: 0, descriptor: descriptor)
    #expect(try Self.read(ZipBytes(member, Member(name: "b")).bytes) == ["a: hello", "b: hello"])
  }

  @Test func readsZip64Fields() throws {
    let extra = [1, 0, 24, 0] + ZipBytes.eight(5) + ZipBytes.eight(5) + ZipBytes.eight(0)
    let localExtra = [0x46, 0x42, 1, 0, 0x5A] + [1, 0, 16, 0] + ZipBytes.eight(5) + ZipBytes.eight(5)
    let member = Member(count: .max, storedCount: .max, extra: extra, localExtra: localExtra, headerOffset: .max)
    var archive = ZipBytes(member)
    archive.zip64 = { ($0, $1, $2) }
    (archive.count, archive.size, archive.offset) = (.max, .max, .max)
    #expect(try Self.read(archive.bytes) == ["a: hello"])
  }

  @Test func acceptsAMissingChecksumOnlyWhereAsked() throws {
    let bytes = ZipBytes(Member(checksum: 0)).bytes
    #expect(try Self.read(bytes, acceptsMissingChecksums: true) == ["a: hello"])
    #expect(refusal { _ = try Self.read(bytes) }
      == "member a: its CRC-32 is 3610a686, expected 00000000; copy the file again; it is damaged")
  }

  static let damaged = "copy the file again; it is damaged"
  static let deceives = "use another source; the file is made to deceive"

  @Test(arguments: [
    (Member(checksum: 1), "member a: its CRC-32 is 3610a686, expected 00000001; \(damaged)"),
    (Member(flags: 1), "member a: it is encrypted; write the archive without a password"),
    (Member(localFlags: 1), "member a: it is encrypted; write the archive without a password"),
    (Member(method: 12),
      "member a: compression method 12, expected 0 (stored) or 8 (deflated); compress it with deflate"),
    (Member(localMethod: 8), "member a: its own header has another compression method; \(damaged)"),
    (Member(localName: "b"), "member a: its own header has another name: b; \(damaged)"),
    (Member(localChecksum: 1), "member a: its own header has another CRC-32; \(damaged)"),
    (Member(localCount: 6), "member a: its own header has another size; \(damaged)"),
    (Member(localStoredCount: 6), "member a: its own header has another size; \(damaged)"),
    (Member(flags: 8, localCount: 6), "member a: its own header has another size; \(damaged)"),
    (Member(count: 6), "member a: it is stored, but 6 bytes are said to take 5; \(damaged)"),
    (Member(count: 99, storedCount: 99), "member a: 99 bytes from offset 31 reach into the directory; \(damaged)"),
    (Member(count: .max), "member a: a 64-bit size or offset is missing in its extra field; \(damaged)"),
    (Member(count: .max, extra: [1, 0, 4, 0, 0, 0, 0, 0]),
      "member a: a 64-bit size or offset is missing in its extra field; \(damaged)"),
    (Member(count: .max, extra: [1, 0, 8, 0] + [UInt8](repeating: 0xFF, count: 8)),
      "member a: a size or offset of 18446744073709551615; \(damaged)"),
    (Member(extra: [1, 0]), "member a: its extra field is cut short; \(damaged)"),
    (Member(localExtra: [1, 0, 9, 0]), "member a: its extra field is cut short; \(damaged)"),
    (Member(headerOffset: 1), "member a: no member at offset 1; \(damaged)"),
    (Member(headerOffset: 9999), "member a: no member at offset 9999; \(damaged)"),
    (Member(disk: 1), "member a: it is in another part of the archive; join the parts"),
    (Member(name: ""), "offset 35: an empty name; write the archive again"),
    (Member(name: "/etc/a"), "offset 41: an absolute path for a name; write the archive again"),
    (Member(name: "C:/a"), "offset 39: an absolute path for a name; write the archive again"),
    (Member(name: "a/../b"), "offset 41: a name that leads out of the archive; write the archive again"),
    (Member(name: "..\\a"), "offset 39: a name with a backslash or a control character; write the archive again"),
    (Member(name: "a\u{0}"), "offset 37: a name with a backslash or a control character; write the archive again"),
    (Member(name: String(repeating: "a", count: 5000)),
      "offset 5035: a name of more than 4096 bytes; write the archive again"),
    (Member(name: "a/"), "member a/: it is a folder, but has bytes; \(damaged)"),
  ])
  func refusesADamagedMember(_ member: Member, _ message: String) {
    #expect(refusal { _ = try Self.read(ZipBytes(member).bytes) } == message)
  }

  @Test func refusesANameThatIsNotUTF8() {
    var bytes = ZipBytes().bytes
    bytes[30] = 0xFF
    bytes[36 + 46] = 0xFF
    #expect(refusal { _ = try Self.read(bytes) }
      == "offset 36: a member's name that is not UTF-8; write the archive again")
  }

  @Test func refusesTwoMembersOfOneName() {
    #expect(refusal { _ = try Self.read(ZipBytes(Member(), Member()).bytes) }
      == "member a: the name stands twice in the directory; write the archive again")
  }

  @Test func refusesOverlappingMembers() {
    // The second member's header lies in the bytes of the first.
    let inner = ZipBytes(Member(name: "b")).bytes[..<36]
    let outer = Member(checksum: 0, data: Array(inner), count: 36)
    let second = Member(name: "b", headerOffset: 31)
    #expect(refusal { _ = try Self.read(ZipBytes(outer, second).bytes) }
      == "member a: its bytes overlap those of b; \(Self.deceives)")
  }

  @Test func refusesDeflatedBytesThatGrowTooMuch() {
    var member = Member.deflated
    member.count = 7 * 1100 + 1
    #expect(refusal { _ = try Self.read(ZipBytes(member).bytes) }
      == "member a: 7701 bytes out of 7, more than deflate can give; \(Self.deceives)")
  }

  @Test(arguments: [
    (4, [0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "it inflates to more than the 4 bytes it should have"),
    (6, [0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "it inflates to 5 bytes, expected 6"),
    (5, [0xCB, 0x48, 0xCD, 0xC9, 0xC9], "its compressed bytes end early"),
    (5, [0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "1 bytes after the end of its compressed bytes"),
    (5, [0xFF, 0x48, 0xCD], "its compressed bytes are damaged"),
    (5, [], "5 bytes out of 0, more than deflate can give"),
  ] as [(UInt32, [UInt8], String)])
  func refusesDamagedDeflatedBytes(_ count: UInt32, _ data: [UInt8], _ problem: String) {
    let message = refusal { _ = try Self.read(ZipBytes(Member(method: 8, data: data, count: count)).bytes) }
    #expect(message == "member a: \(problem); \(data.isEmpty ? Self.deceives : Self.damaged)")
  }

  @Test func refusesAnArchiveWithoutADirectory() {
    #expect(refusal { _ = try Self.read(Array(ZipBytes().bytes.dropLast())) }
      == "offset 104: a zip archive without its directory; copy the file again; it is cut short")
  }

  @Test func refusesBytesAfterTheEnd() {
    #expect(refusal { _ = try Self.read(ZipBytes().bytes + [0]) }
      == "offset 106: a zip archive without its directory; copy the file again; it is cut short")
  }

  static func archive(_ change: (inout ZipBytes) -> Void) -> ZipBytes {
    var archive = ZipBytes()
    change(&archive)
    return archive
  }

  @Test(arguments: [
    (archive { $0.disks = 1 }, "offset 83: an archive in several parts; join the parts"),
    (archive { $0.count = 0 }, "offset 36: more members in the directory than the 0 it is said to have; \(damaged)"),
    (archive { $0.count = 2 }, "offset 83: 1 members in the directory, expected 2; \(damaged)"),
    (archive { $0.size = 46 },
      "offset 83: the directory is said to be at offset 36 with 46 bytes, expected to end at 83; \(damaged)"),
    (archive { $0.size = 99 },
      "offset 83: the directory is said to be at offset 36 with 99 bytes, expected to end at 83; \(damaged)"),
    (archive { $0.offset = 35; $0.size = 48 },
      "offset 35: no entry of the directory where one is expected; \(damaged)"),
    (archive { $0.zip64 = { _, size, offset in (2, size, offset) } },
      "offset 83: the zip64 record and the archive's end contradict each other; \(damaged)"),
    (archive { $0.zip64 = { count, size, _ in (count, size, -1) } },
      "offset 131: the directory's offset is 18446744073709551615, more than any file holds; \(damaged)"),
    (archive { $0.zip64 = { ($0, $1, $2) }; $0.zip64Length = 45 },
      "offset 83: a zip64 record of 45 bytes, expected 44; \(damaged)"),
    (archive { $0.zip64 = { ($0, $1, $2) }; $0.zip64Offset = 9999 },
      "offset 139: no zip64 record at offset 9999; \(damaged)"),
    (archive { $0.zip64 = { (1 << 40, $1, $2) }; $0.count = .max },
      "offset 159: 1099511627776 members, more than the limit of 1048576; split the file"),
  ])
  func refusesADamagedDirectory(_ archive: ZipBytes, _ message: String) {
    #expect(refusal { _ = try Self.read(archive.bytes) } == message)
  }

  @Test func refusesEveryTruncation() {
    var archive = ZipBytes(Member(), .deflated)
    archive.members[1].name = "b"
    archive.zip64 = { ($0, $1, $2) }
    let bytes = archive.bytes
    for count in bytes.indices {
      #expect(refusal { _ = try Self.read(Array(bytes[..<count])) } != nil)
    }
  }

  /// Nothing but that it ends: a changed byte of a time or comment is no damage.
  @Test func survivesEveryChangedByte() {
    var archive = ZipBytes(Member(), .deflated)
    archive.members[1].name = "b"
    archive.zip64 = { ($0, $1, $2) }
    let bytes = archive.bytes
    for index in bytes.indices {
      for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
        var changed = bytes
        changed[index] = value
        _ = refusal { _ = try Self.read(changed) }
      }
    }
  }

  @Test func writesWhatItReads() throws {
    let bytes = try written { file in
      var writer = ZipWriter()
      try writer.add("first", Array("hello".utf8), to: &file)
      try writer.add("folder/é", [], to: &file)
      try writer.add("tensor", try makeTensor([0.5] as [Float], [1]), to: &file)
      try writer.finish(&file)
    }
    #expect(try Self.read(bytes) == ["first: hello", "folder/é: ", "tensor: \0\0\0?"])
    let archive = try ZipArchive(bytes.file.storage)
    #expect(archive.entries.allSatisfy { $0.offset % 64 == 0 })
  }

  @Test(arguments: [
    ("", "tensor : a zip archive cannot hold it: an empty name; rename it, or write another format"),
    ("../x",
      "tensor ../x: a zip archive cannot hold it: a name that leads out of the archive; "
        + "rename it, or write another format"),
    ("a", "tensor a: a second member of the archive would have this name; rename it, or write another format"),
  ])
  func refusesToWriteABadName(_ name: String, _ message: String) {
    #expect(refusal {
      _ = try written { file in
        var writer = ZipWriter()
        try writer.add("a", [1], to: &file)
        try writer.add(name, [1], to: &file)
      }
    } == message)
  }

  @Test func inflatesLargeMembersIntoAScratchFile() throws {
    // 2^24 zeros, deflated: a stored block's worth of matches is too long to write here, so the archive is zlib's own.
    let archive = try ZipArchive(try Fixture.file("zeros.zip").storage)
    let entry = try #require(archive["zeros"])
    #expect(entry.isDeflated && entry.count == 1 << 24)
    let bytes = try archive.bytes(of: entry)
    #expect(bytes.count == 1 << 24 && bytes.withUnsafeBytes { bytes in bytes.last == 0 })
  }
}
