import RNNModel

/// A storage of torch's in a pickle that torch.save did not write: bytes that are a legacy file of one storage.
///
/// Source: torch/storage.py, `TypedStorage.__reduce__`.
struct PickledStorage {
  var description: TorchStorage
  var bytes: TensorStorage

  /// What its description's key begins with; the number of its node follows.
  private static let prefix = "node "

  /// Nil where a value is none.
  init?(_ value: PickleGraph.Value, in graph: PickleGraph) throws(RNNError) {
    guard case .node(let index) = value, graph.name(value) == "torch.storage._load_from_bytes",
      case .bytes(let bytes)? = graph.arguments(value).first
    else { return nil }
    let place = "storage \(Self.prefix)\(index)"
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: place, problem, remedy: "save the tensors with torch.save")
    }
    let found = try bytes.withUnsafeBytes { (all) throws(RNNError) -> (TorchStorage, Range<Int>) in
      guard TorchLegacyReader.recognizes(all) else { throw refuse("not a file of torch.save within the pickle") }
      var reader = ByteReader(all)
      for _ in 0..<3 { _ = try PickleMachine.run(&reader, in: bytes, at: place) }
      let object = TorchObjects(try PickleMachine.run(&reader, in: bytes, at: place))
      let (storage, _) = try object.storage(object.graph.root, place, nests: false)
      let keys = try PickleMachine.run(&reader, in: bytes, at: place)
      guard let list = keys.list(keys.root), list.count == 1, list[0].string == storage.key else {
        throw refuse("other storages than the one that it is")
      }
      let count: Int64 = try reader.integer("the count of \(place)")
      guard Int(count) == storage.count, let size = storage.byteCount else {
        throw refuse("\(count) elements, expected \(storage.count)")
      }
      let start = reader.offset
      _ = try reader.take(size, place)
      return (storage, start..<start + size)
    }
    guard let part = bytes.slice(at: found.1.lowerBound, count: found.1.count) else { return nil }
    description = found.0
    description.key = "\(Self.prefix)\(index)"
    self.bytes = part
  }

  /// The bytes of the storage that a description is of.
  static func bytes(of description: TorchStorage, in graph: PickleGraph) throws(RNNError) -> TensorStorage {
    guard description.key.hasPrefix(prefix), let index = Int(description.key.dropFirst(prefix.utf8.count)),
      let storage = try PickledStorage(.node(index), in: graph)
    else {
      throw RNNError(
        .badData, place: "storage \(description.key)", "missing: a pickle alone holds no storages beside it",
        remedy: "save the tensors with torch.save")
    }
    return storage.bytes
  }
}
