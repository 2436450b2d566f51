import RNNModel

/// Reads the tar archive of torch.save before 0.1.10: `storages`, `tensors` and `pickle`, whose persistent ids are
/// tensors.
///
/// Source: torch/serialization.py, `legacy_load`.
struct TorchTarReader {
  private let file: InputFile

  init(_ file: InputFile) {
    self.file = file
  }

  private static func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "copy the file again, or save it again with a newer torch")
  }

  /// A tar archive that begins with one of torch's members.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 512, bytes[257...].starts(with: Array("ustar".utf8)) else { return false }
    return ["sys_info", "pickle", "tensors", "storages"].contains(text(bytes[0..<100]))
  }

  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  func archive(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      let members = try Self.members(bytes)
      func member(_ name: String) throws(RNNError) -> ByteReader {
        guard let range = members[name] else { throw Self.refuse("member \(name)", "missing") }
        return ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound]), at: range.lowerBound)
      }
      let storages = try storages(member("storages"))
      let views = try views(member("tensors"), storages)
      var reader = try member("pickle")
      let graph = try PickleMachine.run(&reader, in: file.storage, at: "pickle")
      let objects = TorchObjects(graph) { id in id.string.flatMap { views[$0] } ?? id.integer.flatMap { views["\($0)"] }
      }
      let storage = file.storage
      var tensors = TorchTensors(isBigEndian: false) { description throws(RNNError) in
        guard let found = storages[description.key], let part = storage.slice(at: found.start, count: found.size) else {
          throw Self.refuse("storage \(description.key)", "missing")
        }
        return part
      }
      return try TorchStateDict(objects, request).archive(&tensors)
    }
  }

  /// Where the members' bytes are.
  private static func members(_ bytes: UnsafeRawBufferPointer) throws(RNNError) -> [String: Range<Int>] {
    var members: [String: Range<Int>] = [:]
    var offset = 0
    while bytes.count - offset >= 512, bytes[offset] != 0 {
      let digits = text(bytes[offset + 124..<offset + 136]).filter { $0 != " " }
      guard let size = Int(digits, radix: 8), size >= 0, size <= bytes.count - offset - 512 else {
        throw refuse("offset \(offset)", "a member of \"\(digits)\" bytes (octal), \(bytes.count - offset - 512) left")
      }
      let name = text(bytes[offset..<offset + 100])
      guard members.updateValue(offset + 512..<offset + 512 + size, forKey: name) == nil else {
        throw refuse("member \(name)", "stands twice")
      }
      offset = min(bytes.count, offset + 512 + (size + 511) / 512 * 512)
    }
    return members
  }

  private struct Storage {
    var description: TorchStorage
    var start: Int
    var size: Int
    /// Of the storage that this one is a part of.
    var root: String?
    var window: TorchView.Window?
  }

  /// A key, which is a number or its text.
  private static func key(_ value: PickleGraph.Value) -> String? {
    value.string ?? value.integer.map(String.init)
  }

  private func pickle(_ reader: inout ByteReader, _ place: String) throws(RNNError) -> PickleGraph {
    try PickleMachine.run(&reader, in: file.storage, at: place)
  }

  /// A count; for each storage a pickle (key, location, type), a count of elements and their bytes; then the parts of
  /// storages that are known by keys of their own, (key, whole, offset, count).
  private func storages(_ whole: ByteReader) throws(RNNError) -> [String: Storage] {
    var reader = whole
    var storages: [String: Storage] = [:]
    let count = try pickle(&reader, "storages").root
    guard let count = count.integer, (0...Limits.maximumTensorCount).contains(count) else {
      throw Self.refuse("storages", "no count of storages")
    }
    for _ in 0..<count {
      let entry = try pickle(&reader, "storages")
      guard let parts = entry.tuple(entry.root), parts.count == 3, let key = Self.key(parts[0]),
        let type = parts[2].global.flatMap(TorchGlobals.storageType)
      else { throw Self.refuse("storages", "a storage without key, location and type") }
      let elements: Int64 = try reader.integer("the count of storage \(key)")
      let description = TorchStorage(key: key, elementType: type, count: Int(elements))
      guard let size = description.byteCount else { throw Self.refuse("storage \(key)", "\(elements) elements") }
      let start = reader.offset
      _ = try reader.take(size, "storage \(key)")
      storages[key] = Storage(description: description, start: start, size: size)
    }
    let views = try pickle(&reader, "storages")
    guard let list = views.list(views.root) else { throw Self.refuse("storages", "no list of parts of storages") }
    for value in list {
      guard let parts = views.tuple(value), parts.count == 4, let key = Self.key(parts[0]), let root = Self.key(parts[1]),
        let offset = parts[2].integer, let count = parts[3].integer, var part = storages[root], part.root == nil
      else { throw Self.refuse("storages", "a part of no storage") }
      part.root = root
      part.window = TorchView.Window(offset: offset, count: count)
      storages[key] = part
    }
    return storages
  }

  /// A count; for each tensor a pickle (key, storage, class), its rank as 8 bytes, sizes, strides and offset.
  private func views(_ whole: ByteReader, _ storages: [String: Storage]) throws(RNNError) -> [String: TorchView]
  {
    var reader = whole
    var views: [String: TorchView] = [:]
    let count = try pickle(&reader, "tensors").root
    guard let count = count.integer, (0...Limits.maximumTensorCount).contains(count) else {
      throw Self.refuse("tensors", "no count of tensors")
    }
    for _ in 0..<count {
      let entry = try pickle(&reader, "tensors")
      guard let parts = entry.tuple(entry.root), parts.count == 3, let key = Self.key(parts[0]),
        let storage = Self.key(parts[1]).flatMap({ storages[$0] }), let type = storage.description.elementType
      else { throw Self.refuse("tensors", "a tensor without key, storage and class") }
      // Only the first four bytes were ever read.
      let rank: Int32 = try reader.integer("a tensor's rank")
      _ = try reader.take(4, "a tensor's rank")
      guard (0...Int32(Limits.maximumRank)).contains(rank) else { throw Self.refuse("tensor \(key)", "\(rank) axes") }
      func numbers() throws(RNNError) -> [Int] {
        var result: [Int] = []
        for _ in 0..<rank { result.append(Int(try reader.integer("a tensor's shape") as Int64)) }
        return result
      }
      let (sizes, strides) = (try numbers(), try numbers())
      let offset: Int64 = try reader.integer("a tensor's offset")
      views[key] = TorchView(
        storage: storage.description, elementType: type, offset: Int(offset), sizes: sizes, strides: strides,
        window: storage.window)
    }
    return views
  }
}
