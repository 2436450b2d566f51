import RNNFormats
import RNNModel

/// Writes a recurrent module as one RNN, LSTM or GRU node a layer, layout 0.
///
/// ONNX Runtime runs no other layout.
struct RecurrentWriter {
  let model: Model
  let module: Recurrent
  let type: ElementType
  /// Names of the graph's inputs and outputs for h0, c0, hn and cn.
  let states: [String]

  private var scope: String { ONNXWriter.scope(module.name) }
  private var rows: Int { module.numLayers * module.directionCount }

  /// Adds the nodes that take `input` (time, batch, features).
  ///
  /// Returns the output of every step, (time, batch, directions·hidden), and what the chain goes on with: the same, or
  /// the last states alone, (batch, directions·hidden).
  func write(
    _ input: String, lengths: String, batch: String, _ builder: inout GraphBuilder
  ) throws(RNNError) -> RecurrentValue {
    let h0 = try start(states[0], "h0", batch, &builder)
    let c0 = module.cell == .lstm ? try start(states[1], "c0", batch, &builder) : []
    let attributes = try attributes()
    var value = input
    var (hn, cn): ([String], [String]) = ([], [])
    let isOneLayer = module.numLayers == 1
    for layer in 0..<module.numLayers {
      func constant(_ name: String, _ tensors: [[Tensor]], _ order: [Int]) throws(RNNError) -> String {
        let tensor = try joined(tensors, order, layer)
        return builder.weight(Model.join(module.name, "\(name)_l\(layer)"), tensor, as: type, scope: scope)
      }
      let order = GateOrder.toONNX(module.cell)
      let w = try constant("W", try parameters([.weightIH], layer), order)
      let r = try constant("R", try parameters([.weightHH], layer), order)
      let b = module.bias ? try constant("B", try parameters([.biasIH, .biasHH], layer), order) : ""
      let p = module.peephole ? try constant("P", try parameters([.weightPeephole], layer), GateOrder.peephole) : ""
      var inputs = [value, w, r, b, lengths, h0[layer]]
      if module.cell == .lstm { inputs += [c0[layer], p] }
      let outputs = builder.nodes(
        module.cell.rawValue, inputs, scope: scope, attributes,
        outputs: [nil, isOneLayer ? states[2] : nil] + (module.cell == .lstm ? [isOneLayer ? states[3] : nil] : []))
      hn.append(outputs[1])
      if module.cell == .lstm { cn.append(outputs[2]) }
      value = steps(outputs[0], &builder)
    }
    if !isOneLayer {
      _ = builder.node("Concat", hn, scope: scope, [.integer("axis", 0)], output: states[2])
      if module.cell == .lstm { _ = builder.node("Concat", cn, scope: scope, [.integer("axis", 0)], output: states[3]) }
    }
    return RecurrentValue(module: module, output: value, hn: hn, cn: cn)
  }

  /// Y, (time, directions, batch, hidden), as (time, batch, directions·hidden).
  private func steps(_ y: String, _ builder: inout GraphBuilder) -> String {
    if module.directionCount == 1 { return builder.node("Squeeze", [y, builder.integers([1])], scope: scope) }
    let turned = builder.node("Transpose", [y], scope: scope, [.integers("perm", [0, 2, 1, 3])])
    return builder.node("Reshape", [turned, builder.integers([0, 0, module.outputSize])], scope: scope)
  }

  /// The starting state of each layer: an input of the graph that is zeros, or the stored state, where it is left out.
  private func start(_ name: String, _ member: String, _ batch: String, _ builder: inout GraphBuilder) throws(RNNError)
    -> [String]
  {
    var tensor = module.hasInitialState ? model.tensor(module.name, member) : nil
    let stored = tensor?.elementType ?? type
    tensor = tensor ?? Tensor.zeros(type, [rows, module.hiddenSize])
    guard let tensor = Shape([rows, 1, module.hiddenSize]).flatMap({ tensor?.reshaped($0) }) else {
      throw ONNXWriter.refuse(module.name, "its starting state does not fit")
    }
    // Its own name for the number of sequences: the default has one.
    try builder.input(
      name, stored, [.fixed(rows), .open("\(name)_batch"), .fixed(module.hiddenSize)], default: tensor)
    var value = name
    if stored != type {
      value = builder.node("Cast", [value], scope: scope, [.integer("to", Int(ElementTypeCode.code(type)))])
    }
    let shape = builder.node(
      "Concat", [builder.integers([rows]), batch, builder.integers([module.hiddenSize])], scope: scope,
      [.integer("axis", 0)])
    let whole = builder.node("Expand", [value, shape], scope: scope)
    if module.numLayers == 1 { return [whole] }
    let parts = [Int](repeating: module.directionCount, count: module.numLayers)
    return builder.nodes(
      "Split", [whole, builder.integers(parts)], scope: scope, [.integer("axis", 0)],
      outputs: [String?](repeating: nil, count: module.numLayers))
  }

  /// A layer's parameters of these kinds, direction by direction.
  private func parameters(_ kinds: [ParameterName.Kind], _ layer: Int) throws(RNNError) -> [[Tensor]] {
    var result: [[Tensor]] = []
    for direction in 0..<module.directionCount {
      var tensors: [Tensor] = []
      for kind in kinds {
        let name = ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: direction == 1)
        guard let tensor = model.tensor(module.name, name.description) else {
          throw ONNXWriter.refuse(module.name, "its \(name) is missing")
        }
        tensors.append(tensor)
      }
      result.append(tensors)
    }
    return result
  }

  /// Directions along a new first axis, each its tensors one after the other with their gates in ONNX's order.
  private func joined(_ tensors: [[Tensor]], _ order: [Int], _ layer: Int) throws(RNNError) -> Tensor {
    let all = tensors.flatMap { $0 }
    let types = Set(all.map(\.elementType.rawValue)).sorted().joined(separator: ", ")
    guard Set(all.map(\.elementType)).count == 1 else {
      throw ONNXWriter.refuse(
        module.name,
        "layer \(layer) has parameters of several types (\(types)), which ONNX holds in one tensor",
        "convert with \(.elementType)")
    }
    var directions: [Tensor] = []
    for tensors in tensors {
      var reordered: [Tensor] = []
      for tensor in tensors {
        if let tensor = try tensor.reorderingBlocks(order) { reordered.append(tensor) }
      }
      if reordered.count == tensors.count, let whole = try Tensor.concatenated(reordered, axis: 0) {
        directions.append(whole)
      }
    }
    guard directions.count == tensors.count, let result = Tensor.stacked(directions) else {
      throw RNNError(.defect, place: "module \(module.name)", "its parameters do not fit each other")
    }
    return result
  }

  private func attributes() throws(RNNError) -> [GraphBuilder.Attribute] {
    var attributes: [GraphBuilder.Attribute] = [
      .integer("hidden_size", module.hiddenSize), .string("direction", module.direction.rawValue),
    ]
    let activations = (0..<module.directionCount).flatMap { direction -> [Activation] in
      let own = module.activations(direction: direction)
      switch module.cell {
      case .rnn: return [own.candidate]
      case .gru: return [own.gate, own.candidate]
      case .lstm: return [own.gate, own.candidate, own.output]
      }
    }
    let standard: [Activation] =
      module.cell == .rnn ? [.tanh] : module.cell == .gru ? [.sigmoid, .tanh] : [.sigmoid, .tanh, .tanh]
    if activations != (0..<module.directionCount).flatMap({ _ in standard }) {
      attributes.append(.strings("activations", activations.compactMap(ActivationName.name)))
      // The identity is α·x + β with 1 and 0.
      let numbers = activations.map {
        $0 == .identity ? [("alpha", 1.0), ("beta", 0.0)] : $0.parameters.map { ($0.name, $0.value) }
      }
      let alphas = numbers.flatMap { $0.filter { $0.0 == "alpha" }.map { Float($0.1) } }
      let betas = numbers.flatMap { $0.filter { $0.0 == "beta" }.map { Float($0.1) } }
      if !alphas.isEmpty { attributes.append(.floats("activation_alpha", alphas)) }
      if !betas.isEmpty { attributes.append(.floats("activation_beta", betas)) }
    }
    if let clip = module.clip { attributes.append(.float("clip", Float(clip))) }
    if module.cell == .gru { attributes.append(.integer("linear_before_reset", module.resetAfter ? 1 : 0)) }
    if module.inputForget { attributes.append(.integer("input_forget", 1)) }
    return attributes
  }
}

/// What a module's nodes give.
struct RecurrentValue {
  let module: Recurrent
  /// (time, batch, directions·hidden)
  let output: String
  /// Of each layer, (directions, batch, hidden).
  let hn: [String]
  let cn: [String]

  private var scope: String { ONNXWriter.scope(module.name) }

  /// The last layer's states of all directions, (batch, directions·hidden).
  func end(_ builder: inout GraphBuilder) -> String {
    let state = hn[module.numLayers - 1]
    if module.directionCount == 1 { return builder.node("Squeeze", [state, builder.integers([0])], scope: scope) }
    let turned = builder.node("Transpose", [state], scope: scope, [.integers("perm", [1, 0, 2])])
    return builder.node("Reshape", [turned, builder.integers([0, module.outputSize])], scope: scope)
  }

  /// One state, (batch, hidden).
  func state(_ kind: Forward.StateKind, _ index: Int, _ builder: inout GraphBuilder) -> String {
    let layer = index / module.directionCount, direction = index % module.directionCount
    let state = kind == .hn ? hn[layer] : cn[layer]
    if module.directionCount == 1 { return builder.node("Squeeze", [state, builder.integers([0])], scope: scope) }
    let one = builder.node("Gather", [state, builder.integers([direction])], scope: scope, [.integer("axis", 0)])
    return builder.node("Squeeze", [one, builder.integers([0])], scope: scope)
  }
}
