import RNNModel

/// One direction of one recurrent layer, in float64, run once over a sequence with everything kept that the way back needs.
///
/// Written from the cells' formulas, apart from the runner: it is slow, and a check on it.
struct CellTape {
  let cell: Recurrent.Cell
  let activations: Recurrent.Activations
  let hiddenSize: Int
  let resetAfter: Bool
  let inputForget: Bool
  let clip: Double?
  /// W_hh, (gates·hidden, state).
  let hiddenWeight: Matrix
  /// W_hr, (projection, hidden), where there is one.
  let projection: Matrix?
  /// Peepholes i, f, o, each `hiddenSize` long.
  let peephole: [Double]?

  /// What one step leaves behind.
  struct Step {
    /// Inputs of the activations, gate by gate; for the GRU's n with `resetAfter` what r multiplies comes after them.
    var inputs: [Double]
    var previousHidden: [Double]
    var previousCell: [Double]
    var hidden: [Double]
    var cell: [Double]
  }

  private(set) var steps: [Step] = []

  /// Runs the layer. `inputs` holds W_ih x + b_ih for every step, `bias` b_hh.
  init(
    module: Recurrent, direction: Int, hiddenWeight: Matrix, projection: Matrix?, peephole: [Double]?,
    inputs: [[Double]], bias: [Double], hidden: [Double], cell: [Double]
  ) {
    self.cell = module.cell
    activations = module.activations(direction: direction)
    hiddenSize = module.hiddenSize
    resetAfter = module.resetAfter
    inputForget = module.inputForget
    clip = module.clip
    self.hiddenWeight = hiddenWeight
    self.projection = projection
    self.peephole = peephole
    var (hidden, state) = (hidden, cell)
    for input in inputs {
      let step = forward(input, bias, hidden, state)
      (hidden, state) = (step.hidden, step.cell)
      steps.append(step)
    }
  }

  private func clipped(_ x: Double) -> Double { clip.map { min(max(x, -$0), $0) } ?? x }

  /// The slope of an activation behind the clip.
  private func slope(_ activation: Activation, _ x: Double) -> Double {
    if let clip, abs(x) > clip { return 0 }
    return activation.slope(clipped(x))
  }

  private func gate(_ x: Double) -> Double { activations.gate.value(clipped(x)) }
  private func candidate(_ x: Double) -> Double { activations.candidate.value(clipped(x)) }

  private func forward(_ input: [Double], _ bias: [Double], _ hidden: [Double], _ state: [Double]) -> Step {
    let size = hiddenSize
    let product = zip(hiddenWeight.times(hidden), bias).map { $0 + $1 }
    var step = Step(inputs: [], previousHidden: hidden, previousCell: state, hidden: [], cell: [])
    switch cell {
    case .rnn:
      step.inputs = zip(input, product).map { $0 + $1 }
      step.hidden = step.inputs.map(candidate)
    case .lstm:
      step.inputs = zip(input, product).map { $0 + $1 }
      var raw = [Double](repeating: 0, count: size)
      step.cell = raw
      for unit in 0..<size {
        if let peephole {
          step.inputs[unit] += peephole[unit] * state[unit]
          step.inputs[size + unit] += peephole[size + unit] * state[unit]
        }
        let i = gate(step.inputs[unit])
        let f = inputForget ? 1 - i : gate(step.inputs[size + unit])
        step.cell[unit] = f * state[unit] + i * candidate(step.inputs[2 * size + unit])
        if let peephole { step.inputs[3 * size + unit] += peephole[2 * size + unit] * step.cell[unit] }
        raw[unit] = gate(step.inputs[3 * size + unit]) * activations.output.value(step.cell[unit])
      }
      step.hidden = projection?.times(raw) ?? raw
    case .gru:
      step.inputs = (0..<2 * size).map { input[$0] + product[$0] }
      let reset = (0..<size).map { gate(step.inputs[$0]) }
      if resetAfter {
        step.inputs += (0..<size).map { input[2 * size + $0] + reset[$0] * product[2 * size + $0] }
        step.inputs += product[(2 * size)...]
      } else {
        let inner = hiddenWeight.slice(2 * size..<3 * size).times(zip(reset, hidden).map { $0 * $1 })
        step.inputs += (0..<size).map { input[2 * size + $0] + inner[$0] + bias[2 * size + $0] }
      }
      step.hidden = (0..<size).map { unit in
        let z = gate(step.inputs[size + unit])
        return (1 - z) * candidate(step.inputs[2 * size + unit]) + z * hidden[unit]
      }
    }
    return step
  }

  /// One row of dh_T/d(h, c) a step further back: what it is before the step, from what it is after it. And of what the step
  /// was given, W_ih x + b_ih.
  func backward(
    _ step: Step, _ gradient: (hidden: [Double], cell: [Double])
  ) -> (hidden: [Double], cell: [Double], inputs: [Double]) {
    let size = hiddenSize
    var rows = [Double](repeating: 0, count: hiddenWeight.rows)
    var cellGradient = [Double](repeating: 0, count: gradient.cell.count)
    switch cell {
    case .rnn:
      for unit in 0..<size {
        rows[unit] = gradient.hidden[unit] * slope(activations.candidate, step.inputs[unit])
      }
      return (hiddenWeight.transposedTimes(rows), [], rows)
    case .lstm:
      let raw = projection?.transposedTimes(gradient.hidden) ?? gradient.hidden
      for unit in 0..<size {
        let (xi, xf) = (step.inputs[unit], step.inputs[size + unit])
        let (xg, xo) = (step.inputs[2 * size + unit], step.inputs[3 * size + unit])
        let i = gate(xi)
        let f = inputForget ? 1 - i : gate(xf)
        let state = step.cell[unit]
        let o = raw[unit] * activations.output.value(state) * slope(activations.gate, xo)
        var c = gradient.cell[unit] + raw[unit] * gate(xo) * activations.output.slope(state)
        if let peephole { c += o * peephole[2 * size + unit] }
        let previous = step.previousCell[unit]
        let toInput = c * (candidate(xg) - (inputForget ? previous : 0)) * slope(activations.gate, xi)
        let toForget = inputForget ? 0 : c * previous * slope(activations.gate, xf)
        rows[unit] = toInput
        rows[size + unit] = toForget
        rows[2 * size + unit] = c * i * slope(activations.candidate, xg)
        rows[3 * size + unit] = o
        cellGradient[unit] = c * f
        if let peephole { cellGradient[unit] += toInput * peephole[unit] + toForget * peephole[size + unit] }
      }
      return (hiddenWeight.transposedTimes(rows), cellGradient, rows)
    case .gru:
      var direct = [Double](repeating: 0, count: size)
      for unit in 0..<size {
        let (z, n) = (gate(step.inputs[size + unit]), candidate(step.inputs[2 * size + unit]))
        direct[unit] = gradient.hidden[unit] * z
        rows[size + unit] = gradient.hidden[unit] * (step.previousHidden[unit] - n) * slope(activations.gate, step.inputs[size + unit])
        rows[2 * size + unit] = gradient.hidden[unit] * (1 - z) * slope(activations.candidate, step.inputs[2 * size + unit])
      }
      // What the reset gate multiplies is not what the input adds to.
      var inputs = rows
      if resetAfter {
        for unit in 0..<size {
          let toCandidate = rows[2 * size + unit]
          rows[unit] = toCandidate * step.inputs[3 * size + unit] * slope(activations.gate, step.inputs[unit])
          rows[2 * size + unit] = toCandidate * gate(step.inputs[unit])
        }
      } else {
        let inner = hiddenWeight.slice(2 * size..<3 * size).transposedTimes(Array(rows[(2 * size)...]))
        for unit in 0..<size {
          rows[unit] = inner[unit] * step.previousHidden[unit] * slope(activations.gate, step.inputs[unit])
          direct[unit] += inner[unit] * gate(step.inputs[unit])
          rows[2 * size + unit] = 0
        }
      }
      for unit in 0..<size { inputs[unit] = rows[unit] }
      return (zip(hiddenWeight.transposedTimes(rows), direct).map { $0 + $1 }, [], inputs)
    }
  }
}
