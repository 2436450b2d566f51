import RNNFormats
import RNNModel
import SwiftProtobuf

/// Reads an ONNX model: the steps that its graph computes, under PyTorch's names.
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
    var graph = proto.graph
    if let stated = properties.envelope.architecture, stated.forward?.mixesSteps(stated.modules) == true, opset == ONNXWriter.operatorSet,
      let own = OwnGraph(graph, stated)
    {
      let archive = try properties.envelope.archive(of: try properties.ordered(own.tensors + properties.arrays))
      return SuppliedModel(archive: archive, members: supplied)
    }
    // Branches that are the same, or one that is always taken, may hold some. What is over steps may do without.
    let isPlain = graph.node.contains(where: \.isRecurrent), isWindowed = graph.node.contains { Self.overSteps.contains($0.opType) }
    guard isPlain || isWindowed || graph.node.contains(where: { $0.opType == "If" }) else { throw noRecurrence(graph) }
    proto.clearGraph()
    // Out of the graph, so that each tensor's bytes in the message are let go as soon as they are decoded.
    let initializers = graph.initializer
    graph.initializer = []
    let graphForward: GraphForward
    do throws(RNNError) {
      graphForward = try forward(of: graph, initializers, opset, isWindowed: isWindowed)
    } catch {
      throw isPlain || error.isDamage || graph.node.contains(where: { $0.opType == "Conv" }) ? error : noRecurrence(graph)
    }
    let stated = properties.envelope.architecture
    let modules: GraphModules
    let architecture: Architecture
    if let stated {
      guard let own = GraphModules(graphForward, as: stated) else { throw StatedArchitecture.differs("number of layers") }
      (modules, architecture) = (own, stated)
    } else {
      modules = GraphModules(graphForward)
      architecture = Self.architecture(modules)
    }
    var arrays = try Self.tensors(modules, architecture)
    arrays += (try graphForward.reader.carriedTensors() + properties.arrays)
    if let stated, try RewrittenGraph(stated, arrays)?.isSame(as: graphForward.reader) != true {
      let isDouble = graphForward.live.contains { graphForward.steps[$0].isDouble }
      try StatedArchitecture(isDouble: isDouble).check(
        stated, against: Self.architecture(modules), batchFirst: graphForward.batchFirst)
    }
    var envelope = properties.envelope
    envelope.architecture = architecture
    var archive = try envelope.archive(of: try properties.ordered(arrays))
    if stated == nil {
      archive.notes = Self.notes(modules)
      if graphForward.batchFirst == nil {
        archive.hints.leavesLayoutOpen = true
        for module in architecture.recurrentModules where module.cell == .rnn {
          archive.hints.nonlinearity[module.name] = module.activations.candidate
        }
      }
    }
    archive.departures = graphForward.live.compactMap { graphForward.steps[$0].halfPrecision }
    return SuppliedModel(archive: archive, members: try SuppliedMembers(modules).rename(supplied))
  }

  /// Operators that are over steps, or may be.
  private static let overSteps: Set<String> = [
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum", "Softmax",
    "BatchNormalization", "GroupNormalization",
  ]

  /// Follows the graph. Where nothing tells which of a window's two axes is time, that is the first as long as all fits, then the
  /// last.
  private func forward(
    of graph: GraphProto, _ initializers: consuming [TensorProto], _ opset: Int, isWindowed: Bool
  ) throws(RNNError) -> GraphForward {
    func read(_ initializers: consuming [TensorProto], takesLastForTime: Bool) throws(RNNError) -> (forward: GraphForward?, error: RNNError?, hasTaken: Bool) {
      var reader = try GraphReader(
        graph, initializers: initializers, opset: opset, supplied: supplied,
        decoder: TensorDecoder(modelPath: file.pathOfCompanions), takesLastForTime: takesLastForTime)
      do throws(RNNError) {
        let values = try reader.outputs()
        return (try GraphForward(reader, values), nil, reader.hasTakenForTime)
      } catch {
        return (nil, error, reader.hasTakenForTime)
      }
    }
    let again = isWindowed ? initializers : nil
    let first = try read(initializers, takesLastForTime: false)
    if let forward = first.forward, !first.hasTaken || forward.reader.firstRefusal == nil { return forward }
    if first.hasTaken, let again, let other = try read(again, takesLastForTime: true).forward, other.reader.firstRefusal == nil { return other }
    if let forward = first.forward { return forward }
    throw first.error ?? noRecurrence(graph)
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
        remedy: "copy the file again if it is an ONNX model, which is cut short; if not, name its format with \(.format)")
    }
    throw RNNError(
      .badData, "the file is not the protobuf of an ONNX model",
      remedy: "copy the file again if it is an ONNX model, which is cut short or damaged; if not, name its format with \(.format)")
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

  /// The architecture that the graph computes.
  private static func architecture(_ modules: GraphModules) -> Architecture {
    let graph = modules.graph
    var found = Architecture(
      modules: modules.parts.map(modules.module), forward: modules.forward(), batchFirst: graph.batchFirst ?? false)
    for (number, input) in graph.inputs.enumerated() {
      guard let axes = graph.axes(of: input) else { continue }
      found.forward?.inputs[number].axes = axes
      found.forward?.inputs[number].features = axes.reduce(1) { product, axis in if case .size(let size) = axis { product * size } else { product } }
    }
    guard let shapes = try? found.forward?.shapes(found.modules) else { return found }
    for (number, input) in graph.inputs.enumerated() where shapes.inputs[number].features == nil {
      found.forward?.inputs[number].features = graph.reader.inputs[input].shape.last?.value
    }
    return found
  }

  /// The tensors of the modules, and those that a stated forward uses by themselves.
  private static func tensors(_ modules: GraphModules, _ architecture: Architecture) throws(RNNError) -> [NamedTensor] {
    var result: [NamedTensor] = []
    var names = Set<String>()
    for part in modules.parts {
      guard let module = architecture[part.name] else { continue }
      // Unknown modules may share a tensor of the graph's.
      result += try modules.tensors(part, module).filter { names.insert($0.name).inserted }
    }
    for name in architecture.forward?.withoutUnneeded.parameterNames ?? [] where names.insert(name).inserted {
      if let tensor = try modules.graph.reader.stored(name) { result.append(NamedTensor(name, tensor)) }
    }
    return result
  }

  /// What was done, for files of other programs.
  private static func notes(_ modules: GraphModules) -> [Phrase] {
    modules.parts.compactMap { part in
      let steps = part.steps.map { modules.graph.steps[$0] }
      let nodes = steps.map(\.place).listed()
      switch steps[0].operation {
      case .recurrent(let link):
        switch link.cell {
        case .rnn: return "\(part.name): from \(nodes)"
        case .lstm: return "\(part.name): from \(nodes), gates i, o, f, c put in PyTorch's order i, f, g, o"
        case .gru: return "\(part.name): from \(nodes), gates z, r, h put in PyTorch's order r, z, n"
        }
      case .unknown(let link):
        return "\(part.name) cannot be run: \(link.reason)"
      default: return nil
      }
    }
  }
}
