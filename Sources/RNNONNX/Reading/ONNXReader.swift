import RNNFormats
import RNNModel
import SwiftProtobuf

/// Reads an ONNX model: the chain that its graph computes, under PyTorch's names.
struct ONNXReader {
  private let file: InputFile
  private let supplied: [NamedTensor]

  init(_ file: InputFile, supplying tensors: [NamedTensor]) {
    self.file = file
    supplied = tensors
  }

  /// The newest operator set whose definitions were read for this.
  static let newestOperatorSet = 27

  func model() throws(RNNError) -> SuppliedModel {
    var proto = try Self.decode(file)
    let opset = try Self.operatorSet(proto)
    let properties = try ONNXProperties(proto.metadataProps + proto.graph.metadataProps)
    guard proto.graph.node.contains(where: \.isRecurrent) else { throw noRecurrence(proto.graph) }
    var graph = proto.graph
    proto.clearGraph()
    // Out of the graph, so that each tensor's bytes in the message are let go as soon as they are decoded.
    let initializers = graph.initializer
    graph.initializer = []
    let chain = try GraphChain(
      GraphReader(
        graph, initializers: initializers, opset: opset, supplied: supplied,
        decoder: TensorDecoder(modelPath: file.path)))
    let (parts, architecture) = try Self.architecture(chain, stated: properties.envelope.architecture)
    var arrays: [NamedTensor] = []
    for (part, module) in zip(parts.parts, architecture.usedModules) { arrays += try parts.tensors(part, module) }
    arrays += try chain.reader.carriedTensors()
    arrays += properties.arrays
    var envelope = properties.envelope
    envelope.architecture = architecture
    var archive = try envelope.archive(of: try properties.ordered(arrays))
    if properties.envelope.architecture == nil { archive.notes = Self.notes(parts, architecture) }
    archive.departures = chain.links.compactMap(\.halfPrecision)
    return SuppliedModel(
      archive: archive, members: try SuppliedMembers(chain, parts, architecture).rename(supplied))
  }

  private static func decode(_ file: InputFile) throws(RNNError) -> ModelProto {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    let model = file.withUnsafeBytes { bytes in
      try? ModelProto(serializedBytes: RawSpan(_unsafeBytes: bytes), partial: true, options: options)
    }
    if let model, model.hasGraph { return model }
    if let foreign = ForeignFile.recognize(file) { throw foreign.error }
    // What ends where a field does may be whole, and something else.
    guard model == nil, !file.withUnsafeBytes({ WireFields($0).areONNXModel }) else {
      throw RNNError(
        .badData, "the file has no graph",
        remedy: "copy the file again if it is an ONNX model, which is cut short; if not, name its format with --from")
    }
    throw RNNError(
      .badData, "the file is not the protobuf of an ONNX model",
      remedy: "copy the file again if it is an ONNX model, which is cut short or damaged; if not, name its format with --from")
  }

  /// The error for a graph without recurrent operators, which says where else there may be some.
  private func noRecurrence(_ graph: GraphProto) -> RNNError {
    // Of another domain, or quantized.
    if let node = graph.node.first(where: { ["RNN", "LSTM", "GRU", "DynamicQuantizeLSTM"].contains($0.opType) }) {
      return OperatorNode.unknown(node)
    }
    if let hidden = file.withUnsafeBytes({ HiddenRecurrence(inModel: $0) }) { return hidden.error }
    return RNNError(
      .badData, "the graph has no recurrent layer: no node of it is an RNN, LSTM or GRU",
      remedy: "choose a file with a recurrent network; if this is one whose steps an exporter wrote out as other "
        + "operators, use the framework's own file")
  }

  private static func operatorSet(_ model: ModelProto) throws(RNNError) -> Int {
    guard let version = model.opsetImport.first(where: { $0.domain.isEmpty || $0.domain == "ai.onnx" })?.version else {
      throw RNNError(.badData, "the file names no operator set", remedy: "export the model again")
    }
    guard (7...Int64(newestOperatorSet)).contains(version) else {
      let age = version < 7 ? "old" : "new"
      throw RNNError(
        .badData, "the file's operator set, \(version), is too \(age): RNNKit reads 7 to \(newestOperatorSet)",
        remedy: "export the model again for operator set 17 (torch.onnx.export(…, opset_version=17)), or use the "
          + "framework's own file")
    }
    return Int(version)
  }

  /// The architecture of the chain; where the file states one, that, if the graph computes it.
  private static func architecture(
    _ chain: GraphChain, stated: Architecture?
  ) throws(RNNError) -> (ChainModules, Architecture) {
    func links(_ parts: ChainModules) throws(RNNError) -> [Link] {
      var links: [Link] = []
      for part in parts.parts { links.append(try parts.link(part)) }
      return links
    }
    guard let stated else {
      let parts = ChainModules(chain)
      return (parts, try Architecture(links(parts), in: chain.frame, batchFirst: chain.batchFirst ?? false))
    }
    guard let parts = ChainModules(chain, as: stated) else { throw StatedArchitecture.differs("number of layers") }
    try StatedArchitecture.check(
      stated, against: try links(parts), in: chain.frame, isDouble: chain.isDouble, batchFirst: chain.batchFirst)
    return (parts, stated)
  }

  /// What was done, for files of other programs.
  private static func notes(_ parts: ChainModules, _ architecture: Architecture) -> [String] {
    zip(parts.parts, architecture.modules).compactMap { part, module in
      guard case .recurrent(let module) = module else { return nil }
      let nodes = part.links.map { parts.links[$0].place }.listed()
      switch module.cell {
      case .rnn: return "\(part.name): from \(nodes)"
      case .lstm: return "\(part.name): from \(nodes), gates i, o, f, c put in PyTorch's order i, f, g, o"
      case .gru: return "\(part.name): from \(nodes), gates z, r, h put in PyTorch's order r, z, n"
      }
    }
  }
}

extension ChainLink {
  /// The half precision that the graph asks for.
  var halfPrecision: Departure? {
    guard type == .float16 || type == .bfloat16 else { return nil }
    return Departure(
      .halfPrecision, place: place, "the graph computes it in \(type.rawValue), and RNNKit does not",
      note: "what the graph computes in \(type.rawValue) is computed in float32, the weights widened")
  }
}

extension GraphChain {
  /// Whether the numbers are float64.
  var isDouble: Bool {
    links.contains { link in
      switch link.module {
      case .recurrent(let link): link.directions[0].weightIH.elementType == .float64
      case .linear(let link): link.weight.elementType == .float64
      case .embedding(let link): link.weight.elementType == .float64
      }
    }
  }
}
