/// A zip archive put together field by field, so that a test can put one of them wrong.
struct ZipBytes: Sendable {
  struct Member: Sendable {
    var name = "a"
    var localName: String?
    var method: UInt16 = 0
    var localMethod: UInt16?
    var flags: UInt16 = 0
    var localFlags: UInt16?
    /// That of "hello".
    var checksum: UInt32 = 0x3610_A686
    var localChecksum: UInt32?
    var data: [UInt8] = Array("hello".utf8)
    var count: UInt32 = 5
    var localCount: UInt32?
    var storedCount: UInt32?
    var localStoredCount: UInt32?
    var extra: [UInt8] = []
    var localExtra: [UInt8] = []
    var headerOffset: UInt32?
    var disk: UInt16 = 0
    /// What follows the data.
    var descriptor: [UInt8] = []

    /// "hello", deflated by zlib.
    static var deflated: Member {
      Member(method: 8, data: [0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    }
  }

  var members = [Member()]
  var comment: [UInt8] = []
  var count: UInt16?
  var size: UInt32?
  var offset: UInt32?
  var disks: UInt32 = 0
  /// The zip64 record's numbers: count, size, offset; nil leaves the record out.
  var zip64: (@Sendable (Int, Int, Int) -> (count: Int, size: Int, offset: Int))?
  var zip64Length = 44
  var zip64Offset: Int?

  init(_ members: Member...) {
    if !members.isEmpty { self.members = members }
  }

  var bytes: [UInt8] {
    var result: [UInt8] = []
    var offsets: [Int] = []
    for member in members {
      offsets.append(result.count)
      result += [0x50, 0x4B, 3, 4] + Self.two(20) + Self.two(member.localFlags ?? member.flags)
      result += Self.two(member.localMethod ?? member.method) + Self.four(0)
      result += Self.four(member.localChecksum ?? member.checksum)
      result += Self.four(member.localStoredCount ?? member.storedCount ?? UInt32(member.data.count))
      result += Self.four(member.localCount ?? member.count)
      let name = Array((member.localName ?? member.name).utf8)
      result += Self.two(UInt16(name.count)) + Self.two(UInt16(member.localExtra.count)) + name + member.localExtra
      result += member.data + member.descriptor
    }
    let start = result.count
    for (member, offset) in zip(members, offsets) {
      result += [0x50, 0x4B, 1, 2] + Self.four(20) + Self.two(member.flags) + Self.two(member.method) + Self.four(0)
      result += Self.four(member.checksum) + Self.four(member.storedCount ?? UInt32(member.data.count))
      result += Self.four(member.count) + Self.two(UInt16(member.name.utf8.count))
      result += Self.two(UInt16(member.extra.count))
      result += Self.two(0) + Self.two(member.disk) + Self.two(0) + Self.four(0)
      result += Self.four(member.headerOffset ?? UInt32(offset)) + Array(member.name.utf8) + member.extra
    }
    let size = result.count - start
    if let zip64 {
      let record = result.count
      let numbers = zip64(members.count, size, start)
      result += [0x50, 0x4B, 6, 6] + Self.eight(zip64Length) + Self.four(0) + Self.eight(0)
      result += Self.eight(numbers.count) + Self.eight(numbers.count) + Self.eight(numbers.size)
      result += Self.eight(numbers.offset)
      result += [0x50, 0x4B, 6, 7] + Self.four(0) + Self.eight(zip64Offset ?? record) + Self.four(1)
    }
    result += [0x50, 0x4B, 5, 6] + Self.four(disks) + Self.two(count ?? UInt16(members.count))
    result += Self.two(count ?? UInt16(members.count)) + Self.four(self.size ?? UInt32(size))
    return result + Self.four(offset ?? UInt32(start)) + Self.two(UInt16(comment.count)) + comment
  }

  static func two(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  static func four(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  static func eight(_ value: Int) -> [UInt8] { withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) } }
}
