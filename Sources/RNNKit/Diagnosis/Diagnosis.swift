import RNNModel

/// What a model does to signals: its recurrent weights, the saturation of its units on an input, and how a gradient travels
/// back through time. All in float64, on the first sequence of a batch.
public struct Diagnosis: Sendable {
  /// A recurrent weight's square block: `hidden` for the RNN, a gate's name for the others.
  public struct Block: Sendable {
    /// The gate's name.
    public let name: String
    /// The largest absolute eigenvalue; with a projection, of W_hr · W_hh.
    public let spectralRadius: Double
    /// The largest singular value.
    public let norm: Double
  }

  /// How often a bounded unit is within a hundredth of its range from either end, as a share of steps and units.
  public struct Saturation: Sendable {
    /// The gate's name.
    public let name: String
    /// The share of its values that are saturated, from 0 to 1.
    public let share: Double
    /// The share at each step, in the order in which the layer runs.
    public let shares: [Double]
  }

  /// What happens to a gradient on its way back through time.
  public enum Verdict: Sendable, Equatable {
    /// A change of h this many steps back reaches the end weaker than a thousandth.
    case vanishes(by: Int)
    /// … stronger than a thousandfold.
    case explodes(by: Int)
    /// The gradient neither vanishes nor explodes.
    case stays

    /// The verdict in words.
    public var text: String {
      switch self {
      case .vanishes(let steps): "vanishes by step \(steps)"
      case .explodes(let steps): "explodes by step \(steps)"
      case .stays: "stays"
      }
    }
  }

  /// One direction of one layer.
  public struct Layer: Sendable {
    /// The recurrent module's name.
    public let module: String
    /// The layer's number, from 0.
    public let layer: Int
    /// Whether this is the reverse direction.
    public let isReverse: Bool
    /// The blocks of the recurrent matrix, one for each gate.
    public let blocks: [Block]
    /// How much of each gate is saturated.
    public let saturation: [Saturation]
    /// ‖dh_T/dh_{T−d}‖₂ for d = 0, 1, … steps back; an LSTM's c is held fixed. Ends early where the work would be too large.
    public let gradient: [Double]
    /// ‖dh_T/dc_{T−d}‖₂ for an LSTM, with h held fixed; empty otherwise.
    public let cellGradient: [Double]
    /// What happens to a gradient in this layer.
    public let verdict: Verdict
  }

  /// The layers and directions of all recurrent modules.
  public let layers: [Layer]
  /// Of each recurrent module, as it is called; without those whose steps are too many to keep.
  public let travels: [Travel]
  /// The number of steps that were run.
  public let stepCount: Int

  /// Runs a forward of the model's modules over a sequence, (time, features) or (time) for an embedding's indices, from zero
  /// state.
  ///
  /// The forward must be one that `Plan` has taken. Throws where the model has parts that cannot be run, where there are
  /// several inputs, and where an index is beyond its embedding.
  public init(_ model: Model, _ forward: Forward, input: [[Double]]) throws(RNNError) {
    guard forward.inputs.count == 1 else {
      throw RNNError(.usage, "the model takes \(forward.inputs.count) inputs, and one is diagnosed at a time",
        remedy: "name the modules to diagnose with \(.modules)")
    }
    var run = Float64Forward(model, forward, input: input)
    try run.run()
    (layers, travels) = (run.layers, run.travels)
    stepCount = input.count
  }

  static func matrix(_ model: Model, _ module: String, _ name: String) -> Matrix {
    guard let tensor = model.tensor(module, name), tensor.shape.rank == 2 else {
      return Matrix(rows: 0, columns: 0, values: [])
    }
    return Matrix(rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.doubles)
  }

  static func tape(
    _ model: Model, _ module: Recurrent, _ layer: Int, _ direction: Int, _ sequence: [[Double]]
  ) -> CellTape {
    func name(_ kind: ParameterName.Kind) -> String {
      ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: direction == 1).description
    }
    let inputWeight = matrix(model, module.name, name(.weightIH))
    let zeros = [Double](repeating: 0, count: inputWeight.rows)
    let inputBias = model.tensor(module.name, name(.biasIH))?.doubles ?? zeros
    let index = layer * module.directionCount + direction
    func state(_ tensor: String, _ size: Int) -> [Double] {
      guard module.hasInitialState, let all = model.tensor(module.name, tensor)?.doubles else {
        return [Double](repeating: 0, count: size)
      }
      return Array(all[index * size..<(index + 1) * size])
    }
    return CellTape(
      module: module, direction: direction, hiddenWeight: matrix(model, module.name, name(.weightHH)),
      projection: module.projSize > 0 ? matrix(model, module.name, name(.weightHR)) : nil,
      peephole: module.peephole ? model.tensor(module.name, name(.weightPeephole))?.doubles : nil,
      inputs: sequence.map { step in zip(inputWeight.times(step), inputBias).map { $0 + $1 } },
      bias: model.tensor(module.name, name(.biasHH))?.doubles ?? zeros,
      hidden: state("h0", module.stateSize), cell: module.cell == .lstm ? state("c0", module.hiddenSize) : [])
  }

  static func layer(
    _ model: Model, _ module: Recurrent, _ layer: Int, _ direction: Int, _ tape: CellTape
  ) -> Layer {
    let gates = gates(of: module)
    let size = module.hiddenSize
    let blocks = gates.enumerated().map { index, name in
      let block = tape.hiddenWeight.slice(index * size..<(index + 1) * size)
      return Block(
        name: name, spectralRadius: (tape.projection?.times(block) ?? block).spectralRadius, norm: block.spectralNorm)
    }
    let (gradient, cellGradient) = backward(tape, module)
    return Layer(
      module: module.name, layer: layer, isReverse: direction == 1 || module.direction == .reverse, blocks: blocks,
      saturation: saturation(tape, gates, module.activations(direction: direction)), gradient: gradient,
      cellGradient: cellGradient, verdict: verdict(gradient, cellGradient))
  }

  private static func gates(of module: Recurrent) -> [String] {
    switch module.cell {
    case .rnn: ["hidden"]
    case .lstm: ["input gate", "forget gate", "cell gate", "output gate"]
    case .gru: ["reset gate", "update gate", "new gate"]
    }
  }

  /// The square blocks of W_hh of one direction of a layer, by gate; with a projection, W_hr times each.
  static func hiddenBlocks(
    _ model: Model, _ module: Recurrent, _ layer: Int, _ direction: Int
  ) -> [(name: String, matrix: Matrix)] {
    func matrix(_ kind: ParameterName.Kind) -> Matrix {
      Self.matrix(model, module.name, ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: direction == 1).description)
    }
    let (weight, size) = (matrix(.weightHH), module.hiddenSize)
    let projection = module.projSize > 0 ? matrix(.weightHR) : nil
    return gates(of: module).enumerated().map { index, name in
      let block = weight.slice(index * size..<(index + 1) * size)
      return (name, projection?.times(block) ?? block)
    }
  }

  private static func saturation(
    _ tape: CellTape, _ gates: [String], _ activations: Recurrent.Activations
  ) -> [Saturation] {
    gates.enumerated().compactMap { index, name in
      let isCandidate = name == "hidden" || name == "cell gate" || name == "new gate"
      let activation = isCandidate ? activations.candidate : activations.gate
      guard let bounds = activation.bounds else { return nil }
      let margin = (bounds.upperBound - bounds.lowerBound) / 100
      var (saturated, all) = (0, 0)
      let shares = tape.steps.map { step in
        let count = (0..<tape.hiddenSize).count { unit in
          let value = activation.value(step.inputs[index * tape.hiddenSize + unit])
          return value < bounds.lowerBound + margin || value > bounds.upperBound - margin
        }
        saturated += count
        all += tape.hiddenSize
        return Double(count) / Double(tape.hiddenSize)
      }
      return Saturation(name: name, share: all == 0 ? 0 : Double(saturated) / Double(all), shares: shares)
    }
  }

  /// Multiplications the way back may take for one layer; about half a minute.
  private static let maximumWork = 30_000_000_000

  /// The norms of dh_T/dh_t and dh_T/dc_t, from t = T back. Each of h_T's units is followed by itself, so the result is the
  /// whole Jacobian.
  private static func backward(_ tape: CellTape, _ module: Recurrent) -> ([Double], [Double]) {
    let size = module.stateSize
    let isLSTM = module.cell == .lstm
    var rows = (0..<size).map { index in
      (hidden: Matrix.identity(size).slice(index..<index + 1).values, cell: [Double](repeating: 0, count: isLSTM ? module.hiddenSize : 0))
    }
    var (gradient, cellGradient): ([Double], [Double]) = ([1], isLSTM ? [0] : [])
    let work = max(1, size * tape.hiddenWeight.values.count)
    for step in tape.steps.reversed().prefix(max(1, maximumWork / work)) {
      rows = rows.map { row in
        let back = tape.backward(step, row)
        return (back.hidden, back.cell)
      }
      gradient.append(Matrix(rows: size, columns: size, values: rows.flatMap(\.hidden)).spectralNorm)
      if isLSTM {
        cellGradient.append(Matrix(rows: size, columns: module.hiddenSize, values: rows.flatMap(\.cell)).spectralNorm)
      }
    }
    return (gradient, cellGradient)
  }

  /// An LSTM's memory is its cell: the gradient has vanished where both ways have.
  private static func verdict(_ gradient: [Double], _ cellGradient: [Double]) -> Verdict {
    let norms = gradient.indices.map { max(gradient[$0], cellGradient.isEmpty ? 0 : cellGradient[$0]) }
    if let steps = norms.firstIndex(where: { $0.isNaN || $0 > 1000 }) { return .explodes(by: steps) }
    let last = norms.lastIndex { $0 >= 0.001 } ?? 0
    return last + 1 < norms.count ? .vanishes(by: last + 1) : .stays
  }
}
