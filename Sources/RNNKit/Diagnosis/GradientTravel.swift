import RNNModel

extension Diagnosis {
  /// How a gradient travels back through the layers and steps of one recurrent module: norms of dS/dh_t, where S is the sum of
  /// the last layer's output at the last step.
  public struct Travel: Sendable {
    /// The recurrent module's name.
    public let module: String
    /// One row for each layer and direction.
    public let rows: [Row]

    /// One direction of one layer.
    public struct Row: Sendable {
      /// The layer's number, from 0.
      public let layer: Int
      /// Whether this is the reverse direction.
      public let isReverse: Bool
      /// ‖dS/dh_t‖₂, by steps in time's order.
      public let norms: [Double]
    }
  }

  /// Numbers that the tapes of a module may keep for the way back; about a gigabyte with what is beside them.
  static let maximumTapeSize = 1 << 25

  /// The way back through all layers at once, by the tapes of each direction of each layer.
  ///
  /// - Parameter tapes: Layer by layer, direction by direction, each in the order in which it ran.
  static func travel(_ model: Model, _ module: Recurrent, _ tapes: [CellTape]) -> Travel {
    let (directions, size) = (module.directionCount, module.stateSize)
    let steps = tapes.first?.steps.count ?? 0
    var above = [[Double]](repeating: [Double](repeating: 0, count: directions * size), count: steps)
    if steps > 0 { above[steps - 1] = [Double](repeating: 1, count: directions * size) }
    var rows: [Travel.Row] = []
    for layer in (0..<module.numLayers).reversed() {
      let weights = (0..<directions).map { direction in
        matrix(model, module.name, ParameterName(.weightIH, layer: module.isCell ? nil : layer, isReverse: direction == 1).description)
      }
      var below = [[Double]](repeating: [Double](repeating: 0, count: weights.first?.columns ?? 0), count: steps)
      var found: [Travel.Row] = []
      for direction in 0..<directions {
        let tape = tapes[layer * directions + direction]
        let isReverse = direction == 1 || module.direction == .reverse
        var norms = [Double](repeating: 0, count: steps)
        var gradient = (
          hidden: [Double](repeating: 0, count: size), cell: [Double](repeating: 0, count: module.cell == .lstm ? module.hiddenSize : 0),
          inputs: [Double]())
        for place in tape.steps.indices.reversed() {
          let step = isReverse ? steps - 1 - place : place
          for unit in 0..<size { gradient.hidden[unit] += above[step][direction * size + unit] }
          norms[step] = gradient.hidden.reduce(0) { $0 + $1 * $1 }.squareRoot()
          gradient = tape.backward(tape.steps[place], (gradient.hidden, gradient.cell))
          if layer > 0 {
            let down = weights[direction].transposedTimes(gradient.inputs)
            for unit in down.indices { below[step][unit] += down[unit] }
          }
        }
        found.append(Travel.Row(layer: layer, isReverse: isReverse, norms: norms))
      }
      rows = found + rows
      above = below
    }
    return Travel(module: module.name, rows: rows)
  }
}
