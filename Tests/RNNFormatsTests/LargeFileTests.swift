import Glibc
import RNNFormats
import RNNModel
import Testing

/// Files that are checked, read and written in pieces.
@Suite struct LargeFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func noise(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }

  /// CRC-32 by its definition, a bit at a time.
  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var state = UInt32.max
    for byte in bytes {
      state ^= UInt32(byte)
      for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~state
  }

  @Test(arguments: [0, 1, 255, 256, 257, 319, 320, 4096, 300_001, 1 << 24, 1 << 24 + 12_345])
  func checksStoredMembersOfAnySize(_ count: Int) throws {
    #expect(Self.crc32(Array("123456789".utf8)) == 0xCBF4_3926, "the published check value")
    var bytes = Self.noise(count)
    var member = ZipBytes.Member(checksum: Self.crc32(bytes), data: bytes, count: UInt32(count))
    var archive = try ZipArchive(ZipBytes(member).bytes.file.storage)
    var entry = try #require(archive["a"])
    #expect(try archive.bytes(of: entry).count == count)
    for position in Set([0, count / 3, count / 2, count - 1]) where count > 0 {
      bytes[position] ^= 0x10
      member.data = bytes
      archive = try ZipArchive(ZipBytes(member).bytes.file.storage)
      entry = try #require(archive["a"])
      #expect(throws: RNNError.self) { try archive.bytes(of: entry) }
      bytes[position] ^= 0x10
    }
  }

  @Test func writesALargeFileWholeAndTakesNoMoreRoomThanItNeeds() throws {
    let bytes = Self.noise(1 << 20)
    var file = try OutputFile(folder("a"), replacing: false)
    let count = 21
    for _ in 0..<count { try file.write(Array(bytes)) }
    try file.write([1, 2, 3])
    try bytes[..<7].withUnsafeBytes { try file.write($0, at: 3 << 20) }
    try file.commit()
    var status = stat()
    #expect(stat(folder("a"), &status) == 0)
    #expect(Int(status.st_size) == count << 20 + 3)
    #expect(Int(status.st_blocks) * 512 < count << 20 + 1 << 20, "what was claimed ahead is given back")
    let found = try InputFile(folder("a"))
    found.withUnsafeBytes { found in
      for index in 0..<count {
        #expect(found[index << 20..<(index + 1) << 20].elementsEqual(bytes), "MiB \(index)")
      }
      #expect(found[(count << 20)...].elementsEqual([1, 2, 3]))
    }
  }

  @Test(arguments: [0, 100, 1 << 18, 1 << 20 + 8]) func lendsTheSameBytesPieceByPiece(_ count: Int) throws {
    let bytes = Self.noise(count + 64)
    var file = try OutputFile(folder("a"), replacing: false)
    try file.write(bytes)
    try file.commit()
    let shape = try #require(Shape([count]))
    let part = try #require(try InputFile(folder("a")).storage.slice(at: 13, count: count + 20))
    for (storage, offset) in [(try InputFile(folder("a")).storage, 20), (bytes.file.storage, 20), (part, 7)] {
      let tensor = try #require(Tensor(.uint8, shape, in: storage, at: offset))
      var found: [UInt8] = []
      try tensor.forEachPiece { found += $0 }
      #expect(found == Array(bytes[20..<20 + count]))
    }
  }

  @Test func saysThatAFileWasCutShortWhileItWasRead() throws {
    var file = try OutputFile(folder("a"), replacing: false)
    try file.write(Self.noise(1 << 20))
    try file.commit()
    let input = try InputFile(folder("a"))
    truncate(folder("a"), 1 << 19)
    #expect(refusal { try input.storage.forEachPiece(of: 0..<input.count) { _ in } }
      == "\(folder("a")): was cut short while it was read; let nobody write to it")
  }
}
