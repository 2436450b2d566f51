import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A recurrent module in float64 from the formulas of PyTorch's documentation and ONNX's operators, with the C
/// library's functions. It shares no line with the runner or with `DefinedModel`.
struct FormulaModel {
  let model: Model
  let module: Recurrent

  private struct Weights {
    var wi: [Double]
    var wh: [Double]
    var bi: [Double]
    var bh: [Double]
    var projection: [Double]
    var peepholes: [Double]
  }

  /// Every step's output of the last layer, then h and c of each layer and direction, of one sequence cut to its
  /// length.
  func run(
    _ input: [[Double]], h0: [[Double]], c0: [[Double]]
  ) -> (output: [[Double]], hn: [[Double]], cn: [[Double]]) {
    var sequence = input, hn: [[Double]] = [], cn: [[Double]] = []
    for layer in 0..<module.numLayers {
      var halves: [[[Double]]] = []
      for direction in 0..<module.directionCount {
        let weights = weights(layer, direction)
        let backwards = direction == 1 || module.direction == .reverse
        var h = h0[hn.count], c = c0[cn.count], out: [[Double]] = []
        for x in backwards ? sequence.reversed() : sequence {
          step(weights, module.activations(direction: direction), x, &h, &c)
          out.append(h)
        }
        halves.append(backwards ? out.reversed() : out)
        hn.append(h)
        cn.append(c)
      }
      sequence = sequence.indices.map { step in halves.flatMap { $0[step] } }
    }
    return (sequence, hn, cn)
  }

  private func weights(_ layer: Int, _ direction: Int) -> Weights {
    func read(_ name: String) -> [Double] {
      let suffix = (module.isCell ? "" : "_l\(layer)") + (direction == 1 ? "_reverse" : "")
      return model.tensor(module.name, name + suffix)?.doubles ?? []
    }
    let zeros = [Double](repeating: 0, count: module.cell.gateCount * module.hiddenSize)
    return Weights(
      wi: read("weight_ih"), wh: read("weight_hh"), bi: module.bias ? read("bias_ih") : zeros,
      bh: module.bias ? read("bias_hh") : zeros, projection: read("weight_hr"), peepholes: read("weight_peephole"))
  }

  private func times(_ matrix: [Double], _ x: [Double], row: Int) -> Double {
    var sum = 0.0
    for (k, value) in x.enumerated() { sum += matrix[row * x.count + k] * value }
    return sum
  }

  private func clipped(_ x: Double) -> Double {
    module.clip.map { Swift.min(Swift.max(x, -$0), $0) } ?? x
  }

  private func step(
    _ w: Weights, _ f: Recurrent.Activations, _ x: [Double], _ h: inout [Double], _ c: inout [Double]
  ) {
    let n = module.hiddenSize, old = h
    func gate(_ index: Int, _ unit: Int) -> Double {
      let row = index * n + unit
      return times(w.wi, x, row: row) + w.bi[row] + times(w.wh, old, row: row) + w.bh[row]
    }
    func sigma(_ x: Double) -> Double { formula(f.gate, clipped(x)) }
    func g(_ x: Double) -> Double { formula(f.candidate, clipped(x)) }
    switch module.cell {
    case .rnn: h = (0..<n).map { g(gate(0, $0)) }
    case .lstm:
      h = (0..<n).map { unit in
        let peep = (0..<3).map { module.peephole ? w.peepholes[$0 * n + unit] : 0 }
        let i = sigma(gate(0, unit) + peep[0] * c[unit])
        let forget = module.inputForget ? 1 - i : sigma(gate(1, unit) + peep[1] * c[unit])
        c[unit] = forget * c[unit] + i * g(gate(2, unit))
        return sigma(gate(3, unit) + peep[2] * c[unit]) * formula(f.output, c[unit])
      }
      if module.projSize > 0 { h = (0..<module.projSize).map { times(w.projection, h, row: $0) } }
    case .gru:
      let r = (0..<n).map { sigma(gate(0, $0)) }
      h = (0..<n).map { unit in
        let z = sigma(gate(1, unit)), row = 2 * n + unit
        let inner: Double
        if module.resetAfter {
          inner = r[unit] * (times(w.wh, old, row: row) + w.bh[row])
        } else {
          inner = times(w.wh, zip(r, old).map(*), row: row) + w.bh[row]
        }
        return (1 - z) * g(times(w.wi, x, row: row) + w.bi[row] + inner) + z * old[unit]
      }
    }
  }
}

func formula(_ activation: Activation, _ x: Double) -> Double {
  switch activation {
  case .identity: x
  case .sigmoid: 1 / (1 + exp(-x))
  case .tanh: tanh(x)
  case .relu: max(0, x)
  case .hardSigmoid(let alpha, let beta): min(1, max(0, alpha * x + beta))
  case .leakyReLU(let alpha): x >= 0 ? x : alpha * x
  case .thresholdedReLU(let alpha): x > alpha ? x : 0
  case .scaledTanh(let alpha, let beta): alpha * tanh(beta * x)
  case .elu(let alpha): x >= 0 ? x : alpha * (exp(x) - 1)
  case .softsign: x / (1 + abs(x))
  case .softplus: log(1 + exp(x))
  case .affine(let alpha, let beta): alpha * x + beta
  case .silu: x / (1 + exp(-x))
  case .gelu: x * erfc(-x / 2.0.squareRoot()) / 2
  case .geluTanh: x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
  case .clip(let low, let high): min(high, max(low, x))
  case .exp: exp(x)
  case .log: log(x)
  case .sqrt: x.squareRoot()
  case .abs: x.magnitude
  }
}
