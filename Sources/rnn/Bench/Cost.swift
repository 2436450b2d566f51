import RNNKit

/// Operations on vectors as `Schemas/numbers.md` defines the results: how many there are, and how many wait for each other
/// on the longest way from argument to result. Selections and operations on bits are left out of both. Float64's functions
/// have some more terms than float32's, which are counted here.
struct Cost {
  /// Multiplications and fused multiply-adds. Additions alone have units of their own in many processors.
  var operations = 0.0
  var divisions = 0.0
  /// On the longest way.
  var path = Path()

  struct Path {
    var multiplyAdds = 0.0
    var additions = 0.0
    var divisions = 0.0
    /// Elements loaded from vectors just stored.
    var broadcasts = 0.0

    /// About how long it takes, in multiply-adds.
    var length: Double { multiplyAdds + additions + 3 * divisions + 2 * broadcasts }

    static func + (a: Path, b: Path) -> Path {
      Path(
        multiplyAdds: a.multiplyAdds + b.multiplyAdds, additions: a.additions + b.additions,
        divisions: a.divisions + b.divisions, broadcasts: a.broadcasts + b.broadcasts)
    }

    /// Nanoseconds.
    func time(_ peaks: MachinePeaks) -> Double {
      multiplyAdds * peaks.multiplyAddLatency + additions * peaks.additionLatency + divisions * peaks.divisionLatency
        + broadcasts * peaks.broadcastLatency
    }
  }

  init(operations: Double = 0, divisions: Double = 0, path: Path = Path()) {
    self.operations = operations
    self.divisions = divisions
    self.path = path
  }

  init(_ activation: Activation) {
    switch activation {
    case .identity, .relu, .thresholdedReLU, .clip, .abs: self.init()
    case .leakyReLU, .hardSigmoid, .affine: self.init(operations: 1, path: Path(multiplyAdds: 1))
    case .sigmoid:
      self.init(operations: 16, divisions: 1, path: Path(multiplyAdds: 12, additions: 3, divisions: 1))
    case .tanh:
      self.init(operations: 15, divisions: 1, path: Path(multiplyAdds: 11, additions: 3, divisions: 1))
    case .scaledTanh:
      self.init(operations: 17, divisions: 1, path: Path(multiplyAdds: 13, additions: 3, divisions: 1))
    case .elu: self.init(operations: 11, path: Path(multiplyAdds: 10, additions: 2))
    case .softsign: self.init(operations: 0, divisions: 1, path: Path(additions: 1, divisions: 1))
    case .softplus:
      self.init(operations: 26, divisions: 2, path: Path(multiplyAdds: 17, additions: 6, divisions: 1))
    case .silu: self.init(operations: 19, divisions: 1, path: Path(multiplyAdds: 15, additions: 3, divisions: 1))
    case .gelu: self.init(operations: 32, divisions: 1, path: Path(multiplyAdds: 22, additions: 3, divisions: 1))
    case .geluTanh: self.init(operations: 27, divisions: 1, path: Path(multiplyAdds: 20, additions: 4, divisions: 1))
    case .exp: self.init(operations: 10, path: Path(multiplyAdds: 9, additions: 1))
    case .sqrt: self.init(operations: 0, divisions: 1, path: Path(divisions: 1))
    case .log: self.init(operations: 14, divisions: 1, path: Path(multiplyAdds: 8, additions: 4, divisions: 1))
    }
  }

  init(_ head: Function) {
    switch head {
    case .elementwise(let activation): self.init(activation)
    // exp of each, and a division or subtraction.
    case .softmax, .logSoftmax: self.init(operations: 12, path: Path(multiplyAdds: 10, additions: 3, divisions: 1))
    }
  }

  /// Of what a cell does for a vector of units, its products apart.
  init(_ module: Recurrent, direction: Int) {
    let functions = module.activations(direction: direction)
    let (gate, candidate, output) = (Cost(functions.gate), Cost(functions.candidate), Cost(functions.output))
    switch module.cell {
    case .rnn: self = candidate
    case .lstm:
      // c' = fma(f, c, i·g), h = o·φ(c')
      self.init(
        operations: 3 * gate.operations + candidate.operations + output.operations + 3,
        divisions: 3 * gate.divisions + candidate.divisions + output.divisions,
        path: gate.path + output.path + Path(multiplyAdds: 3))
    case .gru:
      // n = g(fma(r, y, x)), h' = fma(z, h, fma(−z, n, n))
      self.init(
        operations: 2 * gate.operations + candidate.operations + 3,
        divisions: 2 * gate.divisions + candidate.divisions,
        path: gate.path + candidate.path + Path(multiplyAdds: 3))
    }
  }
}

extension Cost.Path {
  /// Terms that a dot product's blocks have, at most.
  private static let block = 32

  /// Of a dot product with a vector just stored: its first load, one block's chain, and the blocks' sums.
  static func dot(_ length: Int) -> Cost.Path {
    Cost.Path(
      multiplyAdds: Double(min(length, block)), additions: Double((length + block - 1) / block), broadcasts: 1)
  }

  /// From a layer's h to its next one.
  static func step(_ module: Recurrent, direction: Int) -> Cost.Path {
    var path = dot(module.stateSize) + Cost(module, direction: direction).path
    if module.cell == .gru && !module.resetAfter { path = path + dot(module.stateSize) }
    if module.projSize > 0 { path = path + dot(module.hiddenSize) }
    return path
  }
}
