import RNNModel

/// Follows the numbers through an ONNX graph, from its inputs to its outputs, and finds the steps that they pass.
///
/// Nothing is computed but sizes, shapes and moves of constants. A node whose effect on the numbers is not understood
/// becomes an unknown module, which is named and cannot be run.
struct GraphReader {
  let graph: GraphProto
  let opset: Int
  let supplied: [String: Tensor]
  private(set) var inputs: [GraphInput] = []
  private var inputPositions: [String: Int] = [:]
  private var initializers: [String: TensorProto] = [:]
  let initializerNames: [String]
  private var decoded: [String: Constant] = [:]
  private var decoder: TensorDecoder
  private var values: [String: GraphValue] = [:]
  /// Graph inputs that gave a weight.
  var weightInputs: Set<Int> = []
  var steps: [GraphStep] = []
  /// Plain steps that are there already: an equal one is not made twice.
  var plainSteps: [Forward.Step: Int] = [:]
  /// The axes that are time and batch, once a recurrent node has told.
  var layout: SequenceLayout?
  /// Axes of graph inputs that something took for the features, and what did.
  var featureAxes: [Flow.Atom: String] = [:]
  /// Of steps that turn sequences round, the graph input with the lengths within which; nil for all steps in time.
  var turnedWithin: [Int: Int?] = [:]
  /// Axes of graph inputs that something took for time, and what did.
  var timeAxes: [Flow.Atom: String] = [:]
  /// The axes of time that windows made.
  var windowAxes: [TimeAxis] = []
  /// Whether the last of a window's two axes is time where neither is known to be; see `ONNXReader`.
  let takesLastForTime: Bool
  /// Whether that was used.
  var hasTakenForTime = false
  /// Why the first node that is not understood is not.
  var firstRefusal: RNNError?
  /// Bytes that moving constants may still make: a few times what the file holds of them.
  private var budget = Limits.movedConstantsBase
  /// How many graphs inside nodes are being walked.
  private var depth = 0

  struct GraphInput {
    var name: String
    var type: ElementType
    var shape: [Extent]
    /// Why it cannot be used. An input that nothing uses may be anything.
    var defect: RNNError?
  }

  struct SequenceLayout: Equatable {
    var time: [Flow.Atom]
    var batch: [Flow.Atom]
  }

  /// - Parameter tensors: the graph's initializers, taken out of it.
  init(
    _ graph: GraphProto, initializers tensors: consuming [TensorProto], opset: Int, supplied: [NamedTensor],
    decoder: TensorDecoder, takesLastForTime: Bool = false
  ) throws(RNNError) {
    self.graph = graph
    self.takesLastForTime = takesLastForTime
    self.opset = opset
    self.decoder = decoder
    self.supplied = Dictionary(supplied.map { ($0.name, $0.tensor) }) { _, last in last }
    initializerNames = tensors.map(\.name)
    for proto in tensors {
      guard initializers.updateValue(proto, forKey: proto.name) == nil else {
        throw RNNError(
          .badData, place: "tensor \(proto.name)", "two initializers have the name",
          remedy: OperatorNode.again)
      }
    }
    for info in graph.input where initializers[info.name] == nil {
      guard inputPositions.updateValue(inputs.count, forKey: info.name) == nil else {
        throw RNNError(
          .badData, place: "input \(info.name)", "two graph inputs have the name",
          remedy: OperatorNode.again)
      }
      inputs.append(Self.input(info, index: inputs.count))
    }
  }

  private static func input(_ info: ValueInfoProto, index: Int) -> GraphInput {
    func unusable(_ problem: String, _ remedy: String) -> GraphInput {
      GraphInput(
        name: info.name, type: .float32, shape: [],
        defect: RNNError(.badData, place: "input \(info.name)", problem, remedy: remedy))
    }
    guard case .tensorType(let tensor)? = info.type.value, let type = ElementTypeCode.type(tensor.elemType) else {
      return unusable("not a tensor of numbers", OperatorNode.remedy)
    }
    guard tensor.hasShape, tensor.shape.dim.count <= Limits.maximumRank else {
      return unusable(
        "the file does not say how many axes it has",
        "give the graph's inputs shapes, with names for the sizes that vary")
    }
    let shape = tensor.shape.dim.enumerated().map { axis, dimension -> Extent in
      // What is larger than any tensor is as good as left open.
      if case .dimValue(let value)? = dimension.value, value > 0 { return value < 1 << 40 ? .known(Int(value)) : .unknown }
      return .symbol(input: index, axis: axis)
    }
    return GraphInput(name: info.name, type: type, shape: shape)
  }

  /// Initializers that no node mentions.
  func carriedTensors() throws(RNNError) -> [NamedTensor] {
    let mentioned = Set(graph.node.flatMap { $0.input + OperatorNode.namesInside($0, depth: 0) })
    var decoder = decoder
    var result: [NamedTensor] = []
    for name in initializerNames where !mentioned.contains(name) && decoded[name] == nil {
      if let proto = initializers[name] { result.append(NamedTensor(name, try decoder.tensor(proto, name: name))) }
    }
    return result
  }

  /// An initializer's tensor by its name; nil where there is none of the name.
  func stored(_ name: String) throws(RNNError) -> Tensor? {
    if let constant = decoded[name] { return constant.tensor }
    var decoder = decoder
    return if let proto = initializers[name] { try decoder.tensor(proto, name: name) } else { nil }
  }

  /// Walks the nodes that the outputs depend on, in the file's order, and returns what is known of the outputs.
  mutating func outputs() throws(RNNError) -> [(name: String, value: GraphValue)] {
    let live = try liveNodes()
    for (index, proto) in graph.node.enumerated() where live[index] { try read(proto) }
    var result: [(name: String, value: GraphValue)] = []
    for output in graph.output {
      guard let value = try value(named: output.name) else {
        throw RNNError(.badData, place: "output \(output.name)", "nothing gives it", remedy: OperatorNode.again)
      }
      result.append((output.name, value))
    }
    return result
  }

  /// Works out what a node gives; where it is not understood, it is a step of its own.
  private mutating func read(_ proto: NodeProto) throws(RNNError) {
    do throws(RNNError) {
      for name in proto.input where !name.isEmpty {
        guard try value(named: name) == nil else { continue }
        throw RNNError(
          .badData, place: OperatorNode.place(of: proto), "its input \(name) comes from no node before it",
          remedy: OperatorNode.again)
      }
      guard proto.domain.isEmpty || proto.domain == "ai.onnx" else { throw OperatorNode.unknown(proto) }
      var node = try OperatorNode(proto, opset: opset)
      try apply(&node)
      try node.finish()
    } catch {
      guard !error.isDamage else { throw error }
      try setUnknown(proto, error)
    }
  }

  /// A node that is not understood, between what it takes and what it gives.
  private mutating func setUnknown(_ proto: NodeProto, _ reason: RNNError) throws(RNNError) {
    firstRefusal = firstRefusal ?? reason
    var sources: [Flow.Source] = []
    var type: ElementType?
    var tensors: [NamedTensor] = []
    var layout: Flow?
    for name in proto.input where !name.isEmpty {
      switch try value(named: name) {
      case .flow(var flow)?:
        type = type ?? flow.type
        if Self.unary.contains(proto.opType), !flow.isOpaque, let node = try? OperatorNode(proto, opset: opset),
          let whole = try? settled(flow, node)
        {
          (flow, layout) = (whole, whole)
        }
        // A part of what is there stands for the whole: the step cannot be run.
        if !sources.contains(flow.source) { sources.append(flow.source) }
      case .constant(let constant)?:
        if let name = constant.name, constant.isPlain, !tensors.contains(where: { $0.name == name }) {
          tensors.append(NamedTensor(name, constant.tensor))
        }
      case .extents, .uniform, .missing, nil: break
      }
    }
    guard let type else {
      for name in proto.output where !name.isEmpty { values[name] = .missing(reason) }
      return
    }
    let link = UnknownLink(className: proto.opType, tensors: tensors, reason: reason)
    guard steps.count < Limits.maximumStepCount else { throw reason }
    steps.append(
      GraphStep(
        operation: .unknown(link), inputs: sources, place: OperatorNode.place(of: proto),
        name: OperatorNode.moduleName(proto, tensors), type: type))
    var result = Flow.opaque(step: steps.count - 1, type: type)
    if var layout, sources.count == 1 {
      layout.source = result.source
      result = layout
    }
    for name in proto.output where !name.isEmpty { values[name] = .flow(result) }
  }

  /// Operators that change each number by itself, whatever RNNKit knows of them: what they give is laid out as what they take.
  private static let unary: Set<String> = [
    "Erf", "Abs", "Neg", "Sign", "Sqrt", "Reciprocal", "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh",
    "Cosh", "Asinh", "Acosh", "Atanh", "Selu", "Celu", "Mish", "HardSwish", "Swish", "Shrink",
  ]

  /// Walks the nodes of a graph inside a node, and gives that node what they give.
  mutating func inline(_ graph: GraphProto, _ node: OperatorNode) throws(RNNError) {
    guard depth < Limits.maximumDepth, graph.output.count == node.outputs.count else {
      throw node.refuse("its branch does not give what it does", remedy: OperatorNode.again)
    }
    depth += 1
    defer { depth -= 1 }
    for proto in graph.initializer {
      let constant = Constant(try decoder.tensor(proto, name: proto.name), name: proto.name)
      earn(constant.tensor)
      values[proto.name] = .constant(constant)
    }
    for proto in graph.node { try read(proto) }
    for (index, output) in graph.output.enumerated() {
      guard let value = try value(named: output.name) else {
        throw node.refuse("nothing gives its branch's output \(output.name)", remedy: OperatorNode.again)
      }
      set(node, value, output: index)
    }
  }

  /// Which nodes an output depends on.
  private func liveNodes() throws(RNNError) -> [Bool] {
    var makers: [String: Int] = [:]
    for (index, node) in graph.node.enumerated() {
      for output in node.output where !output.isEmpty {
        guard makers.updateValue(index, forKey: output) == nil, inputPositions[output] == nil,
          initializers[output] == nil
        else {
          throw RNNError(
            .badData, place: OperatorNode.place(of: node), "its output \(output) is given elsewhere too",
            remedy: OperatorNode.again)
        }
      }
    }
    var live = [Bool](repeating: false, count: graph.node.count)
    var waiting = graph.output.compactMap { makers[$0.name] }
    while let index = waiting.popLast() {
      if live[index] { continue }
      live[index] = true
      waiting += graph.node[index].input.compactMap { makers[$0] }
      waiting += OperatorNode.namesInside(graph.node[index], depth: 0).compactMap { makers[$0] }
    }
    return live
  }

  /// What is known of a value by its name; nil where no node before gave it.
  private mutating func value(named name: String) throws(RNNError) -> GraphValue? {
    if let value = values[name] { return value }
    if let constant = decoded[name] { return .constant(constant) }
    if let proto = initializers[name] {
      let constant = Constant(try decoder.tensor(proto, name: name), name: name)
      initializers[name]?.clearRawData()
      earn(constant.tensor)
      decoded[name] = constant
      return .constant(constant)
    }
    if let index = inputPositions[name] {
      if let defect = inputs[index].defect { throw defect }
      return .flow(Flow(input: index, rank: inputs[index].shape.count, type: inputs[index].type))
    }
    if graph.sparseInitializer.contains(where: { $0.values.name == name }) {
      throw RNNError(
        .badData, place: "tensor \(name)", "it is sparse, which RNNKit does not read",
        remedy: "export the model with dense tensors")
    }
    return nil
  }

  /// The value of a node's input, nil where the node leaves it out.
  mutating func value(_ node: OperatorNode, _ index: Int) throws(RNNError) -> GraphValue? {
    guard let name = node.input(index) else { return nil }
    guard let value = try value(named: name) else { return nil }
    if case .missing(let reason) = value { throw reason }
    return value
  }

  /// The value of an input that the node must have.
  mutating func required(_ node: OperatorNode, _ index: Int) throws(RNNError) -> GraphValue {
    guard let value = try value(node, index) else {
      throw node.refuse("input \(index + 1) is missing", remedy: OperatorNode.again)
    }
    return value
  }

  /// Sets what a node gives.
  mutating func set(_ node: OperatorNode, _ value: GraphValue, output index: Int = 0) {
    if index < node.outputs.count, !node.outputs[index].isEmpty { values[node.outputs[index]] = value }
  }

  /// Allows a few times as many bytes to be made as a tensor of the file has.
  private mutating func earn(_ tensor: Tensor) {
    let (bytes, overflow) = tensor.byteCount.multipliedReportingOverflow(by: Limits.movedConstantsFactor)
    let (sum, carry) = budget.addingReportingOverflow(bytes)
    budget = overflow || carry ? Int.max : sum
  }

  /// Counts bytes that a node makes of constants.
  mutating func spend(_ bytes: Int, _ node: OperatorNode) throws(RNNError) {
    guard bytes <= budget else {
      throw node.refuse(
        "the graph makes more than \(Limits.movedConstantsFactor) times what the file holds of its constants",
        remedy: "export the model with constant folding")
    }
    budget -= bytes
  }

  /// Decodes a tensor that stands in a node.
  mutating func constant(_ proto: TensorProto, _ node: OperatorNode) throws(RNNError) -> Constant {
    let tensor = try decoder.tensor(proto, name: node.outputs.first ?? proto.name)
    earn(tensor)
    return Constant(tensor, name: node.outputs.first)
  }

  /// The size of part of an axis.
  func extent(_ atom: Flow.Atom, in flow: Flow) -> Extent {
    switch atom {
    case .rows: .known(flow.rows.count)
    case .hidden(let size), .features(let size), .positions(let size): .known(size)
    // Symbols of no input.
    case .own(let axis): .symbol(input: -1, axis: axis)
    case .window(let input, let axis, let time):
      inputs[input].shape[axis].value.map { .known(time.steps(of: $0)) }
        ?? windowAxes.firstIndex(of: time).map { .symbol(input: -2, axis: $0) } ?? .unknown
    case .input(let input, let axis):
      if case .input(input) = flow.source, let range = flow.selection[axis] {
        .known(range.count)
      } else {
        inputs[input].shape[axis]
      }
    }
  }

  func extent(_ axis: [Flow.Atom], in flow: Flow) -> Extent {
    axis.reduce(.known(1)) { $0 * extent($1, in: flow) }
  }

  /// A weight: a constant, or a graph input that was supplied.
  mutating func weight(_ node: OperatorNode, _ index: Int, _ role: String) throws(RNNError) -> Constant? {
    switch try value(node, index) {
    case nil: return nil
    case .constant(let constant):
      guard constant.isPlain else { throw node.refuse("its \(role) is repeated, which RNNKit does not read") }
      return constant
    case .flow(let flow):
      guard let input = flow.untouchedInput else {
        throw node.refuse("its \(role) depends on the graph's input")
      }
      let name = inputs[input].name
      guard let tensor = supplied[name] else {
        throw node.refuse(
          "its \(role) is the graph's input \(name), whose numbers are not in the file",
          remedy: "give \(.inputs) an array named \(name)")
      }
      if weightInputs.insert(input).inserted { earn(tensor) }
      return Constant(tensor, name: name)
    case .extents, .uniform, .missing:
      throw node.refuse("its \(role) is made of sizes")
    }
  }
}
