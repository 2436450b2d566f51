import RNNModel

/// Decodes the output of `HDF5TreeEncoder`, and refuses anything that the encoder never produces.
struct HDF5TreeDecoder {
  private let archive: TensorArchive
  private let source: InputFile?
  /// Byte ranges of the HDF5 file that are datasets.
  private var extents: Set<Extent> = []
  /// Names of the message's tensors that are datasets.
  private var used: Set<String> = []
  /// Bytes of datasets reached through additional links, beyond the first.
  private var repeated = 0
  /// The storage of an outline's datasets, which have no bytes.
  private var emptiness: TensorStorage?

  private struct Extent: Hashable {
    var start, end: Int
  }

  private struct Entry {
    var name: String
    var node: HDF5Tree.Node
    /// Numbers of a group's children.
    var children: [Int] = []
    var names = Set<String>()
    var depth: Int
  }

  init(_ archive: TensorArchive, source: InputFile?) {
    self.archive = archive
    self.source = source
  }

  mutating func decode(_ json: JSONValue) throws(RNNError) -> HDF5Tree {
    var reader = try JSONObjectReader(json, at: "tree")
    let nodes = try reader.array("nodes")
    let unreadable = try reader.array("unreadable")
    try reader.finish()
    guard !nodes.isEmpty, nodes.count <= Limits.maximumTensorCount + 1 else {
      throw reader.error("nodes", "\(nodes.count) of them")
    }
    var entries: [Entry] = []
    entries.reserveCapacity(nodes.count)
    for (number, json) in nodes.enumerated() { try add(json, number, to: &entries) }
    guard case .group(let root) = Self.node(0, entries) else { throw reader.error("nodes", "no group at the root") }
    try refuseOverlap()
    guard used.count == archive.tensors.count - 1 else { throw reader.error("nodes", "not all tensors are used") }
    var tree = HDF5Tree(root: root)
    for value in unreadable {
      guard let words = value.array?.compactMap(\.string), words.count == 4, words.count == value.array?.count,
        let loss = HDF5Tree.Unreadable.Loss(rawValue: words[2])
      else { throw reader.error("unreadable", "not a list of paths, reasons, losses and remedies") }
      tree.unreadable.append(HDF5Tree.Unreadable(words[0], words[1], losing: loss, remedy: words[3]))
    }
    return tree
  }

  private mutating func add(_ json: JSONValue, _ number: Int, to entries: inout [Entry]) throws(RNNError) {
    var reader = try JSONObjectReader(json, at: "tree.nodes[\(number)]")
    let parent = try reader.integer("in")
    let name = try reader.string("name")
    var entry = Entry(name: name, node: .group(HDF5Tree.Group()), depth: 0)
    if number > 0 {
      guard parent < number, case .group = entries[parent].node else { throw reader.error("in", "not an earlier group") }
      // The writer checks the names of an outline.
      if source != nil, name.isEmpty || name.utf8.contains(0) || !entries[parent].names.insert(name).inserted {
        throw reader.error("name", "no name, or one that stands twice")
      }
      entry.depth = entries[parent].depth + 1
      // The writer checks the depth of an outline, with its own error.
      guard entry.depth <= (source == nil ? 1024 : Limits.maximumDepth) else {
        throw reader.error("in", "groups are nested too deep")
      }
      entries[parent].children.append(number)
    }
    let attributes = try attributes(&reader)
    switch try reader.string("kind") {
    case "group":
      entry.node = .group(HDF5Tree.Group(attributes: attributes, isOrdered: try reader.bool("ordered", default: true)))
    case "dataset":
      entry.node = .dataset(try dataset(&reader, attributes))
    case "strings":
      let shape = try Self.shape(&reader)
      var values: [String] = []
      for value in try reader.array("values") {
        guard let text = value.string else { throw reader.error("values", "not a list of texts") }
        values.append(text)
      }
      guard values.count == shape.count else { throw reader.error("values", "\(values.count) for a shape of \(shape)") }
      entry.node = .strings(HDF5Tree.Strings(values, shape, attributes: attributes))
    default: throw reader.error("kind", "neither group, dataset nor strings")
    }
    try reader.finish()
    entries.append(entry)
  }

  private mutating func dataset(
    _ reader: inout JSONObjectReader, _ attributes: [HDF5Tree.Attribute]
  ) throws(RNNError) -> HDF5Tree.Dataset {
    guard let type = ElementType(rawValue: try reader.string("dtype")) else {
      throw reader.error("dtype", "an unknown element type")
    }
    let shape = try Self.shape(&reader)
    let (byteCount, overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { throw reader.error("shape", "more elements than memory can hold") }
    if reader.has("offset") {
      let offset = try reader.integer("offset")
      guard let source, let tensor = Tensor(type, shape, in: source.storage, at: offset) else {
        throw reader.error("offset", "\(byteCount) bytes at offset \(offset) are not in the file")
      }
      if !extents.insert(Extent(start: offset, end: offset + byteCount)).inserted { try takeRepeated(byteCount, reader) }
      return HDF5Tree.Dataset(tensor, attributes: attributes, fileOffset: offset)
    }
    if reader.has("tensor") {
      let name = String(try reader.integer("tensor"))
      guard let tensor = archive[name], tensor.elementType == type, tensor.shape == shape else {
        throw reader.error("tensor", "no tensor \(name), or one of another type or shape")
      }
      if !used.insert(name).inserted { try takeRepeated(byteCount, reader) }
      return HDF5Tree.Dataset(tensor, attributes: attributes)
    }
    if byteCount > 0, source != nil { throw reader.error("offset", "missing, as is tensor") }
    guard let tensor = Tensor(type, shape, in: try room(byteCount)) else { throw reader.error("shape", "too large") }
    return HDF5Tree.Dataset(tensor, attributes: attributes)
  }

  /// Storage of at least that size for an outline, whose bytes are never read.
  private mutating func room(_ byteCount: Int) throws(RNNError) -> TensorStorage {
    if let emptiness, emptiness.count >= byteCount { return emptiness }
    let made = try TensorStorage.unreadable(count: byteCount)
    emptiness = made
    return made
  }

  private mutating func takeRepeated(_ byteCount: Int, _ reader: JSONObjectReader) throws(RNNError) {
    let (sum, overflow) = repeated.addingReportingOverflow(byteCount)
    let (most, unlimited) = (source?.count ?? 0).multipliedReportingOverflow(by: Limits.maximumSharing)
    guard !overflow, unlimited || sum <= max(most, Limits.maximumUnstoredSize) else {
      throw reader.error("shape", "datasets share bytes more than \(Limits.maximumSharing) times")
    }
    repeated = sum
  }

  /// Refuses datasets that overlap without being identical.
  private func refuseOverlap() throws(RNNError) {
    let sorted = extents.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
    for (before, after) in zip(sorted, sorted.dropFirst()) where after.start < before.end {
      throw RNNError(.badData, place: "tree", "datasets overlap at offset \(after.start)")
    }
  }

  private func attributes(_ reader: inout JSONObjectReader) throws(RNNError) -> [HDF5Tree.Attribute] {
    guard reader.has("attributes") else { return [] }
    var result: [HDF5Tree.Attribute] = []
    for value in try reader.array("attributes") {
      guard let pair = value.array, pair.count == 2, let name = pair[0].string else {
        throw reader.error("attributes", "not a list of names and values")
      }
      result.append(HDF5Tree.Attribute(name, try Self.value(pair[1], reader)))
    }
    return result
  }

  private static func value(_ json: JSONValue, _ reader: JSONObjectReader) throws(RNNError) -> JSONValue {
    switch json {
    case .array(let values):
      var result: [JSONValue] = []
      for item in values { result.append(try value(item, reader)) }
      return .array(result)
    case .object(let members):
      guard let text = members.first?.value.string else { return .object([]) }
      guard members.count == 1, members[0].key == "bits", let bits = UInt64(text, radix: 16) else {
        throw reader.error("attributes", "an unknown value")
      }
      return .number(Double(bitPattern: bits))
    default: return json
    }
  }

  private static func shape(_ reader: inout JSONObjectReader) throws(RNNError) -> Shape {
    var sizes: [Int] = []
    for value in try reader.array("shape") {
      guard let size = value.integer else { throw reader.error("shape", "not a list of whole numbers") }
      sizes.append(size)
    }
    guard let shape = Shape(sizes) else { throw reader.error("shape", "not a shape") }
    return shape
  }

  /// A node with its descendants. The depth was checked before.
  private static func node(_ number: Int, _ entries: [Entry]) -> HDF5Tree.Node {
    guard case .group(var group) = entries[number].node else { return entries[number].node }
    group.children = entries[number].children.map { HDF5Tree.Child(entries[$0].name, node($0, entries)) }
    return .group(group)
  }
}
