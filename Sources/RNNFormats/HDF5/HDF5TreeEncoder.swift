import RNNModel

/// Encodes a tree as JSON, and the bytes of its datasets as tensors.
///
///     {"nodes": [N, …], "unreadable": [[path, reason, loss, remedy], …]}
///
/// Nodes are in the tree's order, each after its group; the first is the root. It is a list because the depth of nested
/// objects is limited. A node:
///
///     {"in": number of its group, "name": …, "kind": "group", "ordered": bool, "attributes": [[name, value], …]}
///     {…, "kind": "dataset", "dtype": …, "shape": […], "offset": in the HDF5 file, or "tensor": number, or neither}
///     {…, "kind": "strings", "shape": […], "values": […]}
///
/// Attribute values are JSON, except `{"bits": "7ff8000000000000"}` for a number that JSON lacks.
struct HDF5TreeEncoder {
  private let contents: HDF5Message.Contents
  private var nodes: [JSONValue] = []
  private(set) var tensors: [NamedTensor] = []
  /// Node numbers by the byte ranges that several links share.
  private var known: [Extent: Int] = [:]

  private struct Extent: Hashable {
    var storage: ObjectIdentifier
    var offset: Int
    var type: ElementType
    var shape: Shape
  }

  init(_ contents: HDF5Message.Contents) {
    self.contents = contents
  }

  mutating func encode(_ tree: HDF5Tree) -> JSONValue {
    add(.group(tree.root), "", in: 0)
    return .object([
      .init("nodes", .array(nodes)),
      .init("unreadable", .array(tree.unreadable.map {
        .array([.string($0.path), .string($0.reason), .string($0.loss.rawValue), .string($0.remedy)])
      })),
    ])
  }

  private mutating func add(_ node: HDF5Tree.Node, _ name: String, in parent: Int) {
    let number = nodes.count
    var members: [JSONValue.Member] = [.init("in", .integer(Int64(parent))), .init("name", .string(name))]
    if !node.attributes.isEmpty {
      members.append(.init("attributes", .array(node.attributes.map { .array([.string($0.name), Self.json($0.value)]) })))
    }
    switch node {
    case .group(let group):
      members += [.init("kind", .string("group")), .init("ordered", .bool(group.isOrdered))]
      nodes.append(.object(members))
      for child in group.children { add(child.node, child.name, in: number) }
    case .dataset(let dataset):
      members += [
        .init("kind", .string("dataset")), .init("dtype", .string(dataset.tensor.elementType.rawValue)),
        .init("shape", Self.json(dataset.tensor.shape)),
      ]
      if let place = place(of: dataset, number) { members.append(place) }
      nodes.append(.object(members))
    case .strings(let strings):
      members += [
        .init("kind", .string("strings")), .init("shape", Self.json(strings.shape)),
        .init("values", .array(strings.values.map(JSONValue.string))),
      ]
      nodes.append(.object(members))
    }
  }

  private mutating func place(of dataset: HDF5Tree.Dataset, _ number: Int) -> JSONValue.Member? {
    guard contents == .unpacked, dataset.tensor.byteCount > 0 else { return nil }
    if let offset = dataset.fileOffset { return .init("offset", .integer(Int64(offset))) }
    let tensor = dataset.tensor
    let extent = Extent(
      storage: ObjectIdentifier(tensor.storage), offset: tensor.offset, type: tensor.elementType, shape: tensor.shape)
    if let earlier = known[extent] { return .init("tensor", .integer(Int64(earlier))) }
    known[extent] = number
    tensors.append(NamedTensor(String(number), tensor))
    return .init("tensor", .integer(Int64(number)))
  }

  private static func json(_ shape: Shape) -> JSONValue {
    .array(shape.dimensions.map { .integer(Int64($0)) })
  }

  private static func json(_ value: JSONValue) -> JSONValue {
    switch value {
    case .number(let number) where !number.isFinite:
      .object([.init("bits", .string(Checksum.text(number.bitPattern)))])
    case .array(let values): .array(values.map(json))
    // An attribute cannot be an object; the receiver refuses it.
    case .object: .object([])
    default: value
    }
  }
}
