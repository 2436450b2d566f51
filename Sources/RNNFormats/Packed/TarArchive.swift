import RNNModel

/// A tar archive, read in place: POSIX's ustar and pax, GNU's and the plain one of before.
///
/// Its files are known by their names and never written under them; links, folders and devices are passed over.
struct TarArchive {
  struct Entry {
    var name: String
    var offset: Int
    var count: Int
  }

  private(set) var entries: [Entry] = []
  private static let block = 512

  private static let unpack = "unpack it and give the model's own file: tar -xf"

  private static func refuse(
    _ offset: Int, _ problem: String, _ remedy: String = "copy the file again; it is cut short or damaged"
  ) -> RNNError {
    RNNError(.badData, place: "tar, offset \(offset)", problem, remedy: remedy)
  }

  /// Whether bytes begin with a header whose checksum is right, or that says what it is.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 262 else { return false }
    return bytes[257..<262].elementsEqual("ustar".utf8) || bytes.count >= block && bytes[0] != 0 && hasChecksum(bytes, 0)
  }

  /// Reads every header and checks it.
  init(_ bytes: UnsafeRawBufferPointer) throws(RNNError) {
    var (offset, longName, longSize) = (0, String?.none, Int?.none)
    var names = Set<String>()
    while true {
      if offset == bytes.count, offset > 0, longName == nil { return }
      guard bytes.count - offset >= Self.block else {
        throw Self.refuse(offset, "the archive ends inside a header: \(bytes.count - offset) bytes of \(Self.block)")
      }
      let header = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Self.block])
      if header.allSatisfy({ $0 == 0 }) { return }
      guard Self.hasChecksum(header, 0) else { throw Self.refuse(offset, "a header whose checksum is wrong") }
      let kind = header[156]
      guard var size = Self.number(header[124..<136]) else { throw Self.refuse(offset, "a member without a size") }
      // What a header of the extended kind says is of the next file.
      if kind != UInt8(ascii: "x"), kind != UInt8(ascii: "L"), let longSize { size = longSize }
      let start = offset + Self.block
      guard size <= bytes.count - start else {
        throw Self.refuse(offset, "a member of \(size) bytes, \(bytes.count - start) left")
      }
      let body = UnsafeRawBufferPointer(rebasing: bytes[start..<start + size])
      switch kind {
      case UInt8(ascii: "L"): longName = Self.text(try Self.short(body, offset))
      case UInt8(ascii: "x"):
        for (key, value) in try Self.records(Self.short(body, offset), offset) {
          switch key {
          case "path": longName = value
          case "size":
            guard let size = Int(value), size >= 0 else { throw Self.refuse(offset, "a size of \"\(value.prefix(40))\"") }
            longSize = size
          case _ where key.hasPrefix("GNU.sparse"):
            throw Self.refuse(offset, "a sparse member, which RNNKit does not read", Self.unpack)
          default: break
          }
        }
      case UInt8(ascii: "S"): throw Self.refuse(offset, "a sparse member, which RNNKit does not read", Self.unpack)
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
        var name = longName ?? Self.name(header)
        while name.hasPrefix("./") { name.removeFirst(2) }
        if !name.hasSuffix("/") {
          if let problem = ZipEntry.problem(withName: name) { throw Self.refuse(offset, "a member with \(problem)", "pack the files again, under names of their own") }
          guard names.insert(name).inserted else { throw Self.refuse(offset, "member \(name) stands twice", "pack the files again, each once") }
          guard entries.count < Limits.maximumTensorCount else {
            throw Self.refuse(offset, "more than the limit of \(Limits.maximumTensorCount) members", Self.unpack)
          }
          entries.append(Entry(name: name, offset: start, count: size))
        }
        (longName, longSize) = (nil, nil)
      case UInt8(ascii: "g"), UInt8(ascii: "K"): break
      default: (longName, longSize) = (nil, nil)
      }
      offset = min(bytes.count, start + (size + Self.block - 1) / Self.block * Self.block)
    }
  }

  /// A member that describes another.
  private static func short(_ body: UnsafeRawBufferPointer, _ offset: Int) throws(RNNError) -> UnsafeRawBufferPointer {
    guard body.count <= 1 << 20 else { throw refuse(offset, "a description of \(body.count) bytes, more than 1048576") }
    return body
  }

  private static func text<Bytes: Sequence<UInt8>>(_ bytes: Bytes) -> String {
    String(decoding: Array(bytes.prefix { $0 != 0 }), as: UTF8.self)
  }

  private static func name(_ header: UnsafeRawBufferPointer) -> String {
    let name = text(header[0..<100])
    // GNU's older kind has times where ustar has the first part of the name.
    guard header[257..<263].elementsEqual(Array("ustar".utf8) + [0]) else { return name }
    let prefix = text(header[345..<500])
    return prefix.isEmpty ? name : "\(prefix)/\(name)"
  }

  /// Octal digits, or, where the first bit is set, the number in base 256.
  private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard let first = field.first else { return nil }
    if first & 0x80 != 0 {
      guard first == 0x80 else { return nil }
      var value = 0
      for byte in field.dropFirst() {
        guard value <= Int.max >> 9 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let digits = text(field).filter { $0 != " " }
    return digits.isEmpty ? 0 : Int(digits, radix: 8).flatMap { $0 >= 0 ? $0 : nil }
  }

  /// The sum of the header's bytes, its own field taken as spaces; some old programs took them as signed.
  private static func hasChecksum(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Bool {
    guard let stored = number(bytes[148..<156]), stored > 0 else { return false }
    var (unsigned, signed) = (0, 0)
    for index in 0..<block {
      let byte = (148..<156).contains(index) ? 0x20 : bytes[index]
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return stored == unsigned || stored == signed
  }

  /// pax' records, `<length> <key>=<value>\n`.
  private static func records(
    _ body: UnsafeRawBufferPointer, _ offset: Int
  ) throws(RNNError) -> [(String, String)] {
    var result: [(String, String)] = []
    var rest = body[...]
    while !rest.isEmpty, rest.first != 0 {
      let digits = rest.prefix { $0 != 0x20 }
      guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
        length <= rest.count
      else { throw refuse(offset, "a description that is not in pax' form") }
      let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
      let key = record.prefix { $0 != UInt8(ascii: "=") }
      result.append(
        (String(decoding: key, as: UTF8.self), String(decoding: record.dropFirst(key.count + 1), as: UTF8.self)))
      rest = rest.dropFirst(length)
    }
    return result
  }
}
