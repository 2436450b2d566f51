import RNNModel

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An ONNX graph being built, node by node, every value under a name of its own.
struct GraphBuilder {
  private(set) var graph = GraphProto()
  private var names: Set<String> = []
  private var integerLists: [[Int]: String] = [:]
  private var sharedNumbers: [Double: String] = [:]
  private var sharedNodes: [NodeProto: String] = [:]
  /// Whether modules' weights are left without their numbers.
  private let isOutline: Bool

  /// - Parameter isOutline: Whether modules' weights are left without numbers and shapes, as for a comparison of graphs.
  init(isOutline: Bool = false) {
    self.isOutline = isOutline
    graph.name = "rnn"
  }

  /// A size in a value's declared shape.
  enum Size {
    case fixed(Int)
    /// Told by what is given.
    case open(String)
  }

  /// Keeps a name for an input or output of the graph.
  private mutating func claim(_ name: String) throws(RNNError) {
    guard names.insert(name).inserted else {
      throw RNNError(
        .badData, place: "module \(name)", "two values of the graph would be named \(name)",
        remedy: "rename the module with \(.renames)")
    }
  }

  private mutating func unique(_ base: String) -> String {
    var name = base
    var number = 0
    while !names.insert(name).inserted {
      number += 1
      name = "\(base)_\(number)"
    }
    return name
  }

  private func info(_ name: String, _ type: ElementType, _ sizes: [Size]) -> ValueInfoProto {
    var info = ValueInfoProto()
    info.name = name
    info.type.tensorType.elemType = ElementTypeCode.code(type)
    info.type.tensorType.shape.dim = sizes.map { size in
      var dimension = TensorShapeProto.Dimension()
      switch size {
      case .fixed(let value): dimension.dimValue = Int64(value)
      case .open(let name): dimension.dimParam = name
      }
      return dimension
    }
    return info
  }

  /// An input of the graph; with a default, one that may be left out.
  mutating func input(_ name: String, _ type: ElementType, _ sizes: [Size], default tensor: Tensor? = nil)
    throws(RNNError)
  {
    try claim(name)
    graph.input.append(info(name, type, sizes))
    if let tensor { graph.initializer.append(Self.proto(name, tensor)) }
  }

  /// Names of graph outputs must be kept before nodes are named.
  mutating func reserve(_ outputs: [String]) throws(RNNError) {
    for name in outputs { try claim(name) }
  }

  mutating func output(_ name: String, _ type: ElementType, _ sizes: [Size]) {
    graph.output.append(info(name, type, sizes))
  }

  /// A constant of the graph, and its name.
  mutating func constant(_ name: String, _ tensor: Tensor) -> String {
    let name = unique(name)
    graph.initializer.append(Self.proto(name, tensor))
    return name
  }

  /// A constant in the type the graph computes in: narrower ones are widened by a Cast, which changes no value.
  mutating func weight(_ name: String, _ tensor: Tensor, as type: ElementType, scope: String) -> String {
    let stored = unique(name)
    var proto = TensorProto()
    if isOutline { proto.name = stored } else { proto = Self.proto(stored, tensor) }
    graph.initializer.append(proto)
    if tensor.elementType == type { return stored }
    return node("Cast", [stored], scope: scope, [.integer("to", Int(ElementTypeCode.code(type)))])
  }

  /// A tensor of the model's own that the forward uses by itself, under its own name.
  mutating func parameter(_ name: String, _ tensor: Tensor, as type: ElementType) throws(RNNError) -> String {
    guard names.insert(name).inserted else {
      throw RNNError(
        .badData, place: "tensor \(name)", "another value of the graph has the name", remedy: "rename the tensor with \(.renames)")
    }
    graph.initializer.append(Self.proto(name, tensor))
    if tensor.elementType == type { return name }
    return node("Cast", [name], scope: "", [.integer("to", Int(ElementTypeCode.code(type)))])
  }

  /// A list of int64; the same list is stored once.
  mutating func integers(_ values: [Int]) -> String {
    if let name = integerLists[values] { return name }
    let tensor = Shape([values.count]).flatMap { Tensor(values.map(Int64.init), $0) }
    let base = "const_" + values.map { $0 < 0 ? "m\(-$0)" : "\($0)" }.joined(separator: "_")
    let name = tensor.map { constant(base, $0) } ?? ""
    integerLists[values] = name
    return name
  }

  /// A number without axes; the same is stored once. Not for NaN.
  mutating func number(_ value: Double, _ type: ElementType) throws(RNNError) -> String {
    if let name = sharedNumbers[value] { return name }
    let name = constant("number", try ONNXWriter.number(value, type))
    sharedNumbers[value] = name
    return name
  }

  enum Attribute {
    case integer(String, Int)
    case integers(String, [Int])
    case float(String, Float)
    case floats(String, [Float])
    case string(String, String)
    case strings(String, [String])

    var proto: AttributeProto {
      var proto = AttributeProto()
      switch self {
      case .integer(let name, let value): (proto.name, proto.type, proto.i) = (name, 2, Int64(value))
      case .integers(let name, let values): (proto.name, proto.type, proto.ints) = (name, 7, values.map(Int64.init))
      case .float(let name, let value): (proto.name, proto.type, proto.f) = (name, 1, value)
      case .floats(let name, let values): (proto.name, proto.type, proto.floats) = (name, 6, values)
      case .string(let name, let text): (proto.name, proto.type, proto.s) = (name, 3, Data(text.utf8))
      case .strings(let name, let texts):
        (proto.name, proto.type, proto.strings) = (name, 8, texts.map { Data($0.utf8) })
      }
      return proto
    }
  }

  /// Adds a node and returns its outputs' names; an output named "" is left out.
  ///
  /// - Parameters:
  ///   - scope: the module it belongs to, as PyTorch's exporter writes it: `/encoder/rnn`.
  ///   - outputs: names that are the graph's outputs; nil makes one up.
  mutating func nodes(
    _ kind: String, _ inputs: [String], scope: String, _ attributes: [Attribute] = [], outputs: [String?]
  ) -> [String] {
    var node = NodeProto()
    node.opType = kind
    node.input = inputs
    while node.input.last?.isEmpty == true { node.input.removeLast() }
    node.name = unique("\(scope)/\(kind)")
    node.output = outputs.enumerated().map { index, name in name ?? unique("\(node.name)_output_\(index)") }
    node.attribute = attributes.map(\.proto)
    graph.node.append(node)
    return node.output
  }

  /// Adds a node with one output.
  mutating func node(
    _ kind: String, _ inputs: [String], scope: String, _ attributes: [Attribute] = [], output: String? = nil
  ) -> String {
    nodes(kind, inputs, scope: scope, attributes, outputs: [output])[0]
  }

  /// A node of no module with one output; the same is made once.
  mutating func shared(_ kind: String, _ inputs: [String], _ attributes: [Attribute] = []) -> String {
    var key = NodeProto()
    (key.opType, key.input, key.attribute) = (kind, inputs, attributes.map(\.proto))
    if let name = sharedNodes[key] { return name }
    let name = node(kind, inputs, scope: "", attributes)
    sharedNodes[key] = name
    return name
  }

  private static func proto(_ name: String, _ tensor: Tensor) -> TensorProto {
    var proto = tensor.proto
    proto.name = name
    return proto
  }
}

extension Tensor {
  /// The tensor as ONNX stores it, its elements as little-endian bytes.
  var proto: TensorProto {
    var proto = TensorProto()
    proto.dims = shape.dimensions.map(Int64.init)
    proto.dataType = ElementTypeCode.code(elementType)
    proto.rawData = withUnsafeBytes { bytes in Data(bytes) }
    return proto
  }
}
