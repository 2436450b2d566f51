import RNNModel

/// A forward run in float64 on one sequence, for what its recurrent layers do.
struct Float64Forward {
  private let model: Model
  private let forward: Forward
  private let input: [[Double]]
  /// A row for each step, or one where there is no time axis.
  private var values: [[[Double]]] = []
  /// The states that each recurrent step left, layer by layer and direction by direction.
  private var states: [Int: [(hidden: [Double], cell: [Double])]] = [:]
  private(set) var layers: [Diagnosis.Layer] = []
  private(set) var travels: [Diagnosis.Travel] = []

  init(_ model: Model, _ forward: Forward, input: [[Double]]) {
    (self.model, self.forward, self.input) = (model, forward, input)
  }

  mutating func run() throws(RNNError) {
    for (index, step) in forward.steps.enumerated() { values.append(try value(of: step, index)) }
  }

  private func rows(_ value: Forward.Value) -> [[Double]] {
    if case .step(let number) = value { values[number] } else { input }
  }

  private mutating func value(of step: Forward.Step, _ index: Int) throws(RNNError) -> [[Double]] {
    let taken = step.inputs.map(rows)
    let first = taken.first ?? []
    switch step.operation {
    case .module(let name):
      if case .attention(let module)? = model.architecture[name] { return Self.attend(module, model, taken) }
      return try call(name, first, index)
    case .activation(let function): return first.map { Self.apply(function, $0) }
    case .select(.last): return first.last.map { [$0] } ?? []
    case .select(.first): return first.first.map { [$0] } ?? []
    case .select(.at(let position)):
      let step = position < 0 ? first.count + position : position
      return first.indices.contains(step) ? [first[step]] : []
    case .state(let kind, let block):
      guard case .step(let number)? = step.inputs.first, let states = states[number], states.indices.contains(block) else {
        throw RNNError(.defect, place: "forward", "a state of no recurrent module")
      }
      return [kind == .hn ? states[block].hidden : states[block].cell]
    case .flip: return first.reversed()
    case .overTime(let function): return Self.apply(function, first)
    case .window(let function, let window): return Self.pool(function, window, first)
    case .across(let function, let window, let channels):
      return first.map { row in Self.pool(function, window, Self.positions(row, channels)).flatMap { $0 } }
    case .interleave(let parts):
      return first.map { row in (0..<row.count).map { row[$0 % parts * (row.count / parts) + $0 / parts] } }
    case .attend(let attention): return Self.attend(attention, taken)
    case .repeated: return [[Double]](repeating: first.first ?? [], count: taken.count > 1 ? taken[1].count : 0)
    case .slice(let range): return first.map { Array($0[range]) }
    case .concatenate:
      return combined(taken) { $0.flatMap { $0 } }
    case .arithmetic(let kind):
      return combined(taken) { rows in
        let (a, b) = (rows[0], rows[1])
        return (0..<max(a.count, b.count)).map { Self.apply(kind, a[a.count == 1 ? 0 : $0], b[b.count == 1 ? 0 : $0]) }
      }
    case .constant(let numbers): return [numbers]
    case .parameter(let name): return [model.archive[name]?.doubles ?? []]
    case .nothing: return first
    }
  }

  /// Row by row; one row stands for all.
  private func combined(_ values: [[[Double]]], _ body: ([[Double]]) -> [Double]) -> [[Double]] {
    (0..<(values.map(\.count).max() ?? 0)).map { row in body(values.map { $0.count == 1 ? $0[0] : $0[row] }) }
  }

  private static func apply(_ kind: Forward.Arithmetic, _ a: Double, _ b: Double) -> Double {
    switch kind {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    }
  }

  private mutating func call(_ name: String, _ sequence: [[Double]], _ index: Int) throws(RNNError) -> [[Double]] {
    switch model.architecture[name] {
    case .recurrent(let module)?:
      var sequence = sequence
      let size = module.numLayers * module.directionCount * module.hiddenSize * (module.cell.gateCount + 4)
      let isKept = sequence.count <= Diagnosis.maximumTapeSize / max(size, 1)
      var tapes: [CellTape] = []
      for layer in 0..<module.numLayers {
        var outputs = [[Double]](repeating: [], count: sequence.count)
        for direction in 0..<module.directionCount {
          let isReverse = direction == 1 || module.direction == .reverse
          let tape = Diagnosis.tape(model, module, layer, direction, isReverse ? sequence.reversed() : sequence)
          if isKept { tapes.append(tape) }
          layers.append(Diagnosis.layer(model, module, layer, direction, tape))
          for (step, output) in (isReverse ? tape.steps.reversed() : tape.steps).enumerated() {
            outputs[step] += output.hidden
          }
          states[index, default: []].append((tape.steps.last?.hidden ?? [], tape.steps.last?.cell ?? []))
        }
        sequence = outputs
      }
      if isKept { travels.append(Diagnosis.travel(model, module, tapes)) }
      return sequence
    case .linear(let module)?:
      let weight = Diagnosis.matrix(model, module.name, "weight")
      let bias = model.tensor(module.name, "bias")?.doubles ?? [Double](repeating: 0, count: weight.rows)
      return sequence.map { step in zip(weight.times(step), bias).map { $0 + $1 } }
    case .embedding(let module)?:
      let table = Diagnosis.matrix(model, module.name, "weight")
      return try sequence.map { (step) throws(RNNError) in
        guard let value = step.first, let index = Int(exactly: value), (0..<table.rows).contains(index) else {
          throw RNNError(.badData, place: "module \(module.name)", "an index outside 0..<\(table.rows)",
            remedy: "correct the input")
        }
        return table.slice(index..<index + 1).values
      }
    case .prelu(let module)?:
      let slopes = model.tensor(module.name, "weight")?.doubles ?? []
      return sequence.map { step in
        step.enumerated().map { $1 < 0 ? $1 * slopes[$0 % max(1, slopes.count)] : $1 }
      }
    case .convolution(let module)?: return Self.convolve(module, model, sequence)
    case .norm(let module)?: return Self.normalize(module, model, sequence)
    case .attention?, .unknown?, nil:
      throw RNNError(.badData, place: "module \(name)", "cannot be run", remedy: "choose a part with \(.modules)")
    }
  }

  /// Of query, key and value.
  private static func attend(_ attention: Attention, _ taken: [[[Double]]]) -> [[Double]] {
    guard taken.count == 3 else { return [] }
    let (keys, values) = (taken[1], taken[2])
    return taken[0].map { query in
      let size = query.count / attention.heads, width = (values.first?.count ?? 0) / attention.heads, factor = attention.factor(query.count)
      return (0..<attention.heads).flatMap { head -> [Double] in
        let scores = keys.map { key in (head * size..<(head + 1) * size).reduce(0) { $0 + query[$1] * factor * key[$1] } }
        let most = scores.max() ?? 0, e = scores.map { exponential($0 - most) }, sum = e.reduce(0, +)
        return (head * width..<(head + 1) * width).map { feature in zip(e, values).reduce(0) { $0 + $1.0 / sum * $1.1[feature] } }
      }
    }
  }

  private static func attend(_ module: MultiheadAttention, _ model: Model, _ taken: [[[Double]]]) -> [[Double]] {
    let size = module.embedDim, bias = model.tensor(module.name, "in_proj_bias")?.doubles ?? [Double](repeating: 0, count: 3 * size)
    let projected = taken.indices.map { part -> [[Double]] in
      let weight =
        module.isJoined
        ? Diagnosis.matrix(model, module.name, "in_proj_weight").slice(part * size..<(part + 1) * size)
        : Diagnosis.matrix(model, module.name, ["q_proj_weight", "k_proj_weight", "v_proj_weight"][part])
      return taken[part].map { row in zip(weight.times(row), bias[part * size..<(part + 1) * size]).map { $0 + $1 } }
    }
    let out = Diagnosis.matrix(model, module.name, "out_proj.weight")
    let outBias = model.tensor(module.name, "out_proj.bias")?.doubles ?? [Double](repeating: 0, count: size)
    return attend(Attention(heads: module.numHeads), projected).map { row in zip(out.times(row), outBias).map { $0 + $1 } }
  }

  private static func apply(_ function: TimeFunction, _ rows: [[Double]]) -> [[Double]] {
    guard let first = rows.first else { return [] }
    func over(_ body: ([Double]) -> Double) -> [Double] { first.indices.map { feature in body(rows.map { $0[feature] }) } }
    switch function {
    case .sum: return [over { $0.reduce(0, +) }]
    case .mean: return [over { $0.reduce(0, +) / Double($0.count) }]
    case .max: return [over { $0.max() ?? 0 }]
    case .softmax:
      let columns = first.indices.map { feature in apply(Function.softmax, rows.map { $0[feature] }) }
      return rows.indices.map { step in columns.map { $0[step] } }
    }
  }

  /// The steps of each window; nil for padding.
  private static func windows(_ window: TimeWindow, of rows: [[Double]], _ mode: Convolution.Padding = .zeros) -> [[[Double]?]] {
    let count = rows.count + window.before + window.after
    guard count >= window.span else { return [] }
    return (0...(count - window.span) / window.stride).map { number in
      (0..<window.size).map { tap in
        var step = number * window.stride + tap * window.dilation - window.before
        if !rows.indices.contains(step) {
          switch mode {
          case .zeros: return nil
          case .replicate: step = min(max(step, 0), rows.count - 1)
          case .circular: step = (step % rows.count + rows.count) % rows.count
          case .reflect: step = step < 0 ? -step : 2 * (rows.count - 1) - step
          }
        }
        return rows.indices.contains(step) ? rows[step] : nil
      }
    }
  }

  private static func pool(_ function: WindowFunction, _ window: TimeWindow, _ rows: [[Double]]) -> [[Double]] {
    let features = rows.first?.count ?? 0, zeros = [Double](repeating: 0, count: features)
    return windows(window, of: rows).map { rows in
      let own = rows.compactMap { $0 }
      return switch function {
      case .join: rows.flatMap { $0 ?? zeros }
      case .max: (0..<features).map { feature in own.map { $0[feature] }.max() ?? -.infinity }
      case .average(let countsPadding):
        (0..<features).map { feature in own.reduce(0) { $0 + $1[feature] } / Double(countsPadding ? rows.count : own.count) }
      }
    }
  }

  /// The positions of a step, of so many channels each.
  private static func positions(_ row: [Double], _ channels: Int) -> [[Double]] {
    stride(from: 0, to: row.count, by: channels).map { Array(row[$0..<min($0 + channels, row.count)]) }
  }

  private static func convolve(_ module: Convolution, _ model: Model, _ rows: [[Double]]) -> [[Double]] {
    let weight = model.tensor(module.name, "weight")?.doubles ?? [], bias = module.bias ? model.tensor(module.name, "bias")?.doubles : nil
    let channels = module.inChannels / module.groups, outs = module.outChannels / module.groups, size = module.window.size
    if let across = module.across {
      return windows(module.window, of: rows, module.padding).map { steps in
        // For each position that is given, for each step and tap what is taken.
        let count = rows.first?.count ?? 0, none = [[Double]?](repeating: nil, count: across.size)
        let taken = steps.map { $0.map { windows(across, of: positions($0, module.inChannels), module.padding) } }
        return (0..<(across.count(of: count / module.inChannels) ?? 0)).flatMap { position in
          (0..<module.outChannels).map { out in
            var sum = bias?[out] ?? 0
            for (step, windows) in taken.enumerated() {
              for (tap, place) in (windows?[position] ?? none).enumerated() {
                guard let place else { continue }
                let at = module.isTimeLast ? tap * size + step : step * across.size + tap
                for channel in 0..<channels {
                  sum += weight[(out * channels + channel) * size * across.size + at] * place[out / outs * channels + channel]
                }
              }
            }
            return sum
          }
        }
      }
    }
    return windows(module.window, of: rows, module.padding).map { taken in
      (0..<module.outChannels).map { out in
        var sum = bias?[out] ?? 0
        for (tap, row) in taken.enumerated() {
          guard let row else { continue }
          for channel in 0..<channels { sum += weight[(out * channels + channel) * size + tap] * row[out / outs * channels + channel] }
        }
        return sum
      }
    }
  }

  private static func normalize(_ module: Norm, _ model: Model, _ rows: [[Double]]) -> [[Double]] {
    func values(_ parameter: String, or missing: Double) -> [Double] {
      model.tensor(module.name, parameter)?.doubles ?? [Double](repeating: missing, count: module.features)
    }
    let weight = values("weight", or: 1), bias = values("bias", or: 0)
    let count = module.features
    func scaled(_ row: [Double]) -> [Double] { row.indices.map { row[$0] * weight[$0 % count] + bias[$0 % count] } }
    func normal(_ values: [Double]) -> (mean: Double, deviation: Double) {
      let mean = module.kind == .rms ? 0 : values.reduce(0, +) / Double(values.count)
      return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count) + module.eps).squareRoot())
    }
    switch module.kind {
    case .batch:
      let mean = values("running_mean", or: 0), variance = values("running_var", or: 1)
      return rows.map { row in scaled(row.indices.map { (row[$0] - mean[$0 % count]) / (variance[$0 % count] + module.eps).squareRoot() }) }
    case .layer, .rms:
      return rows.map { row in
        let (mean, deviation) = normal(row)
        return scaled(row.map { ($0 - mean) / deviation })
      }
    case .group:
      let (mean, deviation) = normal(rows.flatMap { $0 })
      return rows.map { row in scaled(row.map { ($0 - mean) / deviation }) }
    }
  }

  private static func apply(_ function: Function, _ values: [Double]) -> [Double] {
    switch function {
    case .elementwise(let activation): return values.map(activation.value)
    case .softmax, .logSoftmax:
      let largest = values.max() ?? 0
      let exponentials = values.map { exponential($0 - largest) }
      let sum = exponentials.reduce(0, +)
      if function == .softmax { return exponentials.map { $0 / sum } }
      return values.map { $0 - largest - logarithm(sum) }
    }
  }
}
