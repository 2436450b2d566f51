import RNNModel
import SwiftProtobuf

extension NodeProto {
  /// Whether the operator is ONNX's own RNN, LSTM or GRU.
  var isRecurrent: Bool { ["RNN", "LSTM", "GRU"].contains(opType) && (domain.isEmpty || domain == "ai.onnx") }
}

/// A node of the graph, its attributes taken one by one; those that nobody asked for are refused.
struct OperatorNode {
  let proto: NodeProto
  /// Of the default operator set.
  let opset: Int
  private var attributes: [String: AttributeProto] = [:]

  init(_ proto: NodeProto, opset: Int) throws(RNNError) {
    self.proto = proto
    self.opset = opset
    for attribute in proto.attribute {
      guard attributes.updateValue(attribute, forKey: attribute.name) == nil else {
        throw refuse("attribute \(attribute.name) stands twice", remedy: Self.again)
      }
    }
  }

  var kind: String { proto.opType }
  var outputs: [String] { proto.output }

  /// The name of an input, nil where it is left out.
  func input(_ index: Int) -> String? {
    guard index < proto.input.count, !proto.input[index].isEmpty else { return nil }
    return proto.input[index]
  }

  /// `node /lstm/LSTM (LSTM)`; a node without a name is known by what it gives.
  var place: String { Self.place(of: proto) }

  static func place(of proto: NodeProto) -> String {
    let kind = proto.domain.isEmpty || proto.domain == "ai.onnx" ? proto.opType : "\(proto.domain).\(proto.opType)"
    let name = proto.name.isEmpty ? proto.output.first { !$0.isEmpty }.map { "that gives \($0)" } ?? "" : proto.name
    return "node \(name) (\(kind))"
  }

  /// The remedy for a graph that is no valid ONNX.
  static let again = "export the model again"
  static let remedy = "export only the recurrent part, or use the weights as the framework itself saves them"

  func refuse(_ problem: String, remedy: String = OperatorNode.remedy) -> RNNError {
    refuse(Phrase(problem), remedy: Phrase(remedy))
  }

  func refuse(_ problem: Phrase, remedy: Phrase) -> RNNError {
    RNNError(.badData, place: place, problem, remedy: remedy)
  }

  /// The error for a node whose effect on the numbers is not known.
  static func unknown(_ proto: NodeProto) -> RNNError {
    let kind = proto.opType
    let isQuantized = kind.contains("Quantize") || kind.contains("Integer") || kind.hasPrefix("Q")
      || kind == "MatMulNBits"
    if isQuantized {
      return RNNError(
        .badData, place: place(of: proto), "it computes with quantized numbers, which RNNKit does not",
        remedy: "use the model as it was before it was quantized")
    }
    if ["If", "Loop", "Scan", "SequenceMap"].contains(kind) {
      return RNNError(
        .badData, place: place(of: proto), "it runs a graph inside it, which RNNKit does not follow",
        remedy: "export the model so that this is decided before, or only the recurrent part")
    }
    return RNNError(.badData, place: place(of: proto), "RNNKit does not know this operator", remedy: remedy)
  }

  private mutating func take(_ name: String, _ type: Int32, _ typeName: String) throws(RNNError) -> AttributeProto? {
    guard let attribute = attributes.removeValue(forKey: name) else { return nil }
    // Before IR version 2 nodes did not say the type.
    guard attribute.type == type || attribute.type == 0, attribute.refAttrName.isEmpty else {
      throw refuse("attribute \(name) is not of type \(typeName)", remedy: Self.again)
    }
    return attribute
  }

  mutating func integer(_ name: String) throws(RNNError) -> Int? {
    try take(name, 2, "INT").map { Int(clamping: $0.i) }
  }

  /// An attribute that is 0 or 1.
  mutating func flag(_ name: String, default standard: Bool = false) throws(RNNError) -> Bool {
    guard let value = try integer(name) else { return standard }
    guard value == 0 || value == 1 else { throw refuse("attribute \(name) is \(value), expected 0 or 1") }
    return value == 1
  }

  mutating func integers(_ name: String) throws(RNNError) -> [Int]? {
    try take(name, 7, "INTS")?.ints.map { Int(clamping: $0) }
  }

  mutating func float(_ name: String) throws(RNNError) -> Float? {
    try take(name, 1, "FLOAT")?.f
  }

  mutating func floats(_ name: String) throws(RNNError) -> [Float] {
    try take(name, 6, "FLOATS")?.floats ?? []
  }

  mutating func string(_ name: String) throws(RNNError) -> String? {
    try take(name, 3, "STRING").map { String(decoding: $0.s, as: UTF8.self) }
  }

  mutating func strings(_ name: String) throws(RNNError) -> [String]? {
    try take(name, 8, "STRINGS")?.strings.map { String(decoding: $0, as: UTF8.self) }
  }

  /// A graph inside the node.
  mutating func graph(_ name: String) throws(RNNError) -> GraphProto? {
    guard let attribute = try take(name, 5, "GRAPH") else { return nil }
    guard let graph = Self.graph(attribute) else {
      throw refuse("attribute \(name) is not valid protobuf", remedy: "copy the file again; it is cut short or damaged")
    }
    return graph
  }

  private static func graph(_ attribute: AttributeProto) -> GraphProto? {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    return try? GraphProto(serializedBytes: attribute.g, partial: true, options: options)
  }

  /// The names that graphs inside a node take from outside it, and others.
  static func namesInside(_ proto: NodeProto, depth: Int) -> [String] {
    guard depth < Limits.maximumDepth else { return [] }
    return proto.attribute.filter(\.hasG).compactMap(graph).flatMap { graph in
      graph.output.map(\.name) + graph.node.flatMap { $0.input + namesInside($0, depth: depth + 1) }
    }
  }

  /// The name of an unknown module: that of its tensors, else what the node's own name says.
  static func moduleName(_ proto: NodeProto, _ tensors: [NamedTensor]) -> String {
    for tensor in tensors {
      for suffix in [".weight", ".bias"] where tensor.name.hasSuffix(suffix) && tensor.name.utf8.count > suffix.utf8.count {
        return String(tensor.name.dropLast(suffix.count))
      }
    }
    let parts = proto.name.split(separator: "/").joined(separator: ".")
    return parts.isEmpty ? proto.opType.lowercased() : parts
  }

  mutating func tensor(_ name: String) throws(RNNError) -> TensorProto? {
    try take(name, 4, "TENSOR")?.t
  }

  /// Takes an attribute that changes nothing RNNKit computes.
  mutating func ignore(_ name: String) {
    attributes[name] = nil
  }

  /// Refuses attributes that were not taken.
  func finish() throws(RNNError) {
    if let name = attributes.keys.min() {
      throw refuse("attribute \(name) is not one that RNNKit knows, and may change the numbers")
    }
  }
}

extension GraphProto {
  /// The same with values that its nodes give named by their numbers, for a comparison; as it is where a node holds a graph.
  var withoutNames: GraphProto {
    var result = GraphProto()
    guard node.allSatisfy({ !$0.attribute.contains(where: \.hasG) }) else {
      result = self
      result.name = ""
      return result
    }
    var names: [String: String] = [:]
    result.input = input
    result.initializer = initializer
    for var node in node {
      node.name = ""
      node.input = node.input.map { names[$0] ?? $0 }
      for index in node.output.indices where !node.output[index].isEmpty {
        let name = "\u{0}\(names.count)"
        names[node.output[index]] = name
        node.output[index] = name
      }
      result.node.append(node)
    }
    result.output = output.map { value in
      var named = ValueInfoProto()
      named.name = names[value.name] ?? value.name
      return named
    }
    return result
  }
}

extension RNNError {
  /// Whether the file is damaged, rather than something in it not understood.
  var isDamage: Bool {
    kind != .badData || remedy == Phrase(OperatorNode.again) || place?.hasPrefix("tensor ") == true
      || place?.hasPrefix("input ") == true
  }
}
