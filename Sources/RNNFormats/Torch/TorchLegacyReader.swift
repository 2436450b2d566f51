import RNNModel

/// Reads what torch.save wrote before 1.6, and writes on request still: five pickles one after the other (a magic
/// number, a version, facts of the machine, the object, the storages' keys), then for each key a count of elements and
/// their bytes, little-endian on every machine.
struct TorchLegacyReader {
  private let file: InputFile
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  init(_ file: InputFile) {
    self.file = file
  }

  private static func refuse(_ place: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: "copy the file again, or save it again with torch.save")
  }

  /// Whether bytes begin with the magic number's pickle, of whatever protocol; from 4 on a frame comes before the number.
  static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 32, bytes[0] == 0x80 else { return false }
    return bytes[(bytes[2] == PickleOpcode.frame.rawValue ? 11 : 2)...].starts(with: [0x8A, 10] + magic)
  }

  func archive(_ request: ModelRequest) throws(RNNError) -> TensorArchive {
    try file.withUnsafeBytes { (bytes) throws(RNNError) in
      var reader = ByteReader(bytes)
      func pickle(_ place: String) throws(RNNError) -> PickleGraph {
        try PickleMachine.run(&reader, in: file.storage, at: place)
      }
      let magic = try pickle("the first pickle")
      guard magic.large(magic.root) == Self.magic else {
        throw Self.refuse("offset 0", "a pickle that does not begin with torch.save's magic number")
      }
      let version = try pickle("the version's pickle").root
      guard version.integer == 1001 else { throw Self.refuse("the version's pickle", "not version 1001") }
      _ = try pickle("the machine's pickle")
      let objects = TorchObjects(try pickle("the object's pickle"))
      let keys = try pickle("the keys' pickle")
      let storages = try self.storages(of: objects)
      let found = try Self.positions(of: keys, storages, &reader)
      let storage = file.storage
      var tensors = TorchTensors(isBigEndian: false) { description throws(RNNError) in
        guard let position = found[description.key],
          let part = storage.slice(at: position.lowerBound, count: position.count)
        else { throw Self.refuse("storage \(description.key)", "missing") }
        return part
      }
      return try TorchStateDict(objects, request).archive(&tensors)
    }
  }

  /// Every storage that the object refers to, which says how large an element is.
  private func storages(of objects: TorchObjects) throws(RNNError) -> [String: TorchStorage] {
    var result: [String: TorchStorage] = [:]
    for index in objects.graph.nodes.indices {
      // Whole modules have their classes there too.
      guard let id = objects.graph.persistent(.node(index)), objects.graph.tuple(id)?.first?.string == "storage" else {
        continue
      }
      let storage = try objects.storage(.node(index), "the object's pickle").0
      if let known = result[storage.key], known != storage {
        throw Self.refuse("storage \(storage.key)", "described in two ways")
      }
      result[storage.key] = storage
    }
    return result
  }

  /// Where each storage's bytes are, after its count of elements.
  private static func positions(
    of keys: PickleGraph, _ storages: [String: TorchStorage], _ reader: inout ByteReader
  ) throws(RNNError) -> [String: Range<Int>] {
    guard let list = keys.list(keys.root) else { throw refuse("the keys' pickle", "no list of keys") }
    var found: [String: Range<Int>] = [:]
    for value in list {
      guard let key = value.string, let storage = storages[key], found[key] == nil else {
        throw refuse("the keys' pickle", "a key that no storage has, or that stands twice")
      }
      let count: Int64 = try reader.integer("the count of storage \(key)")
      guard Int(count) == storage.count, let size = storage.byteCount else {
        throw refuse("storage \(key)", "\(count) elements, expected \(storage.count)")
      }
      let start = reader.offset
      _ = try reader.take(size, "storage \(key)")
      found[key] = start..<start + size
    }
    return found
  }
}
