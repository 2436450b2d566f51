import RNNModel

/// Runs a model as `Schemas/numbers.md` says, one sequence and one number at a time.
struct DefinedModel<R: DefinedReal> {
  let model: Model

  /// What one sequence gives.
  struct Result {
    /// The last recurrent layer's h at each step.
    var output: [[R]] = []
    /// The chain's end at each step, or once.
    var y: [[R]] = []
    /// Layer by layer, direction by direction.
    var h: [String: [[R]]] = [:]
    var c: [String: [[R]]] = [:]
  }

  /// Steps of the first output that are the sequence's own, where they are not as many as the input's.
  func ownSteps(_ input: [[R]], length: Int) -> Int? {
    var result = Result()
    var values: [Value] = []
    guard let forward = model.architecture.forward else { return nil }
    func value(_ value: Forward.Value) -> Value {
      if case .step(let number) = value { values[number] } else { Value(rows: input, hasTime: true) }
    }
    for step in forward.steps { values.append(evaluate(step, step.inputs.map(value), forward, nil, length, [:], [:], &result)) }
    return value(forward.outputs[0].value).length
  }

  func run(_ input: [[R]], indices: [Int]? = nil, length: Int, h0: [String: [[R]]], c0: [String: [[R]]]) -> Result {
    var result = Result()
    var values: [Value] = []
    guard let forward = model.architecture.forward else { return result }
    func value(_ value: Forward.Value) -> Value {
      if case .step(let number) = value { values[number] } else { Value(rows: input, hasTime: true) }
    }
    for step in forward.steps {
      values.append(evaluate(step, step.inputs.map(value), forward, indices, length, h0, c0, &result))
    }
    result.y = value(forward.outputs[0].value).rows
    return result
  }

  /// A row for each step of the time axis, or one.
  private struct Value {
    var rows: [[R]]
    var hasTime: Bool
    /// Steps that are the sequence's own, where they are not as many as the input's.
    var length: Int?

    func row(_ step: Int) -> [R] { hasTime ? rows[step] : rows[0] }
  }

  private func evaluate(
    _ step: Forward.Step, _ taken: [Value], _ forward: Forward, _ indices: [Int]?, _ length: Int, _ h0: [String: [[R]]],
    _ c0: [String: [[R]]], _ result: inout Result
  ) -> Value {
    // A sequence's own steps of what is taken.
    let length = taken.first { $0.hasTime }?.length ?? length
    var value = evaluate(own: step, taken, forward, indices, length, h0, c0, &result)
    if value.hasTime, value.length == nil { value.length = taken.first { $0.hasTime }?.length }
    return value
  }

  private func evaluate(
    own step: Forward.Step, _ taken: [Value], _ forward: Forward, _ indices: [Int]?, _ length: Int, _ h0: [String: [[R]]],
    _ c0: [String: [[R]]], _ result: inout Result
  ) -> Value {
    func each(_ body: ([R]) -> [R]) -> Value { Value(rows: taken[0].rows.map(body), hasTime: taken[0].hasTime) }
    func together(_ body: ([[R]]) -> [R]) -> Value {
      let hasTime = taken.contains(where: \.hasTime)
      let count = taken.filter(\.hasTime).map(\.rows.count).max() ?? 1
      return Value(rows: (0..<count).map { step in body(taken.map { $0.row(step) }) }, hasTime: hasTime)
    }
    func single(_ row: [R]) -> Value { Value(rows: [row], hasTime: false) }
    switch step.operation {
    case .module(let name):
      switch model.architecture[name] {
      case .embedding(let module)?:
        let table: [[R]] = model.quantized(Model.join(module.name, "weight")).map { weight in
          let rows = Defined8BitMatrix(weight)
          return zip(rows.scales, rows.numbers).map { scale, row in row.map { R(scale) * R($0) } }
        } ?? matrix(module.name, "weight", columns: module.embeddingDim)
        return Value(rows: (indices ?? []).map { table[$0].map(\.canonical) }, hasTime: true)
      case .linear(let module)?:
        let weight = matrix(module.name, "weight", columns: module.inFeatures)
        let bias = module.bias ? self.values(module.name, "bias") : [R](repeating: 0, count: module.outFeatures)
        if let whole = whole(module.name, "weight") {
          return each { row in whole.products(row, from: bias).map(\.canonical) }
        }
        return each { row in zip(weight, bias).map { linear($1, $0, row, outputs: weight.count) } }
      case .recurrent(let module)?:
        var rows = taken[0].rows
        run(module, &rows, length, h0[module.name], c0[module.name], &result)
        result.output = rows
        return Value(rows: rows, hasTime: true)
      case .prelu(let module)?:
        let slopes = self.values(module.name, "weight")
        return each { row in
          row.enumerated().map { ($1 < 0 ? slopes[$0 % slopes.count] * $1 : $1).canonical }
        }
      case .attention(let module)?:
        let size = module.embedDim, bias = module.bias ? values(module.name, "in_proj_bias") : [R](repeating: 0, count: 3 * size)
        func projected(_ part: Int) -> [[R]] {
          let inner = [size, module.kdim, module.vdim][part]
          let whole = module.isJoined ? values(module.name, "in_proj_weight")
            : values(module.name, ["q_proj_weight", "k_proj_weight", "v_proj_weight"][part])
          let first = module.isJoined ? part * size : 0
          return taken[part].rows.map { row in
            (0..<size).map { unit in
              linear(bias[part * size + unit], Array(whole[(first + unit) * inner..<(first + unit + 1) * inner]), row, outputs: size)
            }
          }
        }
        let rows = attended(Attention(heads: module.numHeads), projected(0), projected(1), projected(2), keys: taken[1].length ?? length,
          own: taken[0].hasTime ? length : 1)
        let out = values(module.name, "out_proj.weight"), outBias = module.bias ? values(module.name, "out_proj.bias") : [R](repeating: 0, count: size)
        return Value(rows: rows.map { row in
          (0..<size).map { unit in linear(outBias[unit], Array(out[unit * size..<(unit + 1) * size]), row, outputs: size) }
        }, hasTime: taken[0].hasTime)
      case .convolution(let module)?:
        let (rows, own) = convolved(module, taken[0].rows, taken[0].length ?? length)
        return Value(rows: rows, hasTime: true, length: own)
      case .norm(let module)?: return Value(rows: normalized(module, taken[0].rows, taken[0].hasTime, length), hasTime: taken[0].hasTime)
      case .unknown?, nil: return taken[0]
      }
    case .activation(let function): return each { head($0, function) }
    case .select(.last): return single(taken[0].rows[length - 1])
    case .select(.first): return single(taken[0].rows[0])
    case .select(.at(let position)): return single(taken[0].rows[position < 0 ? taken[0].rows.count + position : position])
    case .state(let kind, let block):
      guard case .step(let number) = step.inputs[0], case .module(let name) = forward.steps[number].operation else { return taken[0] }
      return single((kind == .hn ? result.h : result.c)[name]?[block] ?? [])
    case .overTime(let function): return Value(rows: made(function, of: taken[0].rows, length), hasTime: function.keepsTime)
    case .window(let function, let window):
      let (rows, own) = pooled(function, window, taken[0].rows, length)
      return Value(rows: rows, hasTime: true, length: own)
    case .across(let function, let window, let channels):
      return each { row in
        let positions = self.positions(row, channels)
        return pooled(function, window, positions, positions.count).0.flatMap { $0 }
      }
    case .interleave(let parts):
      return each { row in
        let size = row.count / parts
        return (0..<size).flatMap { index in (0..<parts).map { row[$0 * size + index] } }
      }
    case .attend(let attention):
      let rows = attended(attention, taken[0].rows, taken[1].rows, taken[2].rows, keys: taken[1].length ?? length, own: taken[0].hasTime ? length : 1)
      return Value(rows: rows, hasTime: taken[0].hasTime)
    case .repeated: return Value(rows: taken[1].rows.map { _ in taken[0].rows[0] }, hasTime: true)
    case .flip:
      let rows = taken[0].rows
      return Value(rows: rows.indices.map { rows[$0 < length ? length - 1 - $0 : $0] }, hasTime: true)
    case .slice(let range): return each { Array($0[range]) }
    case .concatenate: return together { $0.flatMap { $0 } }
    case .arithmetic(let kind):
      return together { rows in
        let (a, b) = (rows[0], rows[1])
        return (0..<max(a.count, b.count)).map { feature in
          let (x, y) = (a[a.count == 1 ? 0 : feature], b[b.count == 1 ? 0 : feature])
          let value: R = switch kind {
          case .add: x + y
          case .subtract: x - y
          case .multiply: x * y
          case .divide: x / y
          }
          return value.canonical
        }
      }
    case .constant(let numbers): return single(numbers.map { R($0).canonical })
    case .parameter(let name): return single((model.archive[name]?.doubles ?? []).map { R($0).canonical })
    case .nothing: return taken[0]
    }
  }

  private func run(
    _ module: Recurrent, _ rows: inout [[R]], _ length: Int, _ h0: [[R]]?, _ c0: [[R]]?, _ result: inout Result
  ) {
    let directions = module.directionCount
    var hn: [[R]] = [], cn: [[R]] = []
    for layer in 0..<module.numLayers {
      var outputs = [[R]](repeating: [R](repeating: 0, count: module.outputSize), count: rows.count)
      for direction in 0..<directions {
        let cell = Cell(self, module, layer, direction)
        let block = layer * directions + direction
        var h = h0?[block] ?? [R](repeating: 0, count: module.stateSize)
        var c = c0?[block] ?? [R](repeating: 0, count: module.hiddenSize)
        let reverse = direction == 1 || module.direction == .reverse
        for i in 0..<length {
          let step = reverse ? length - 1 - i : i
          cell.step(rows[step], &h, &c)
          for (unit, value) in h.enumerated() { outputs[step][direction * module.stateSize + unit] = value }
        }
        hn.append(h)
        cn.append(c)
      }
      rows = outputs
    }
    result.h[module.name] = hn
    if module.cell == .lstm { result.c[module.name] = cn }
  }

  func values(_ module: String, _ parameter: String) -> [R] {
    guard let tensor = model.tensor(module, parameter) else { return [] }
    return tensor.doubles.map { R($0) }
  }

  /// A weight of whole numbers that float32 computes with as such.
  fileprivate func whole(_ module: String, _ parameter: String) -> Defined8BitMatrix? {
    R.self == Float.self ? model.quantized(Model.join(module, parameter)).map { Defined8BitMatrix($0) } : nil
  }

  func matrix(_ module: String, _ parameter: String, columns: Int) -> [[R]] {
    let all = values(module, parameter)
    return (0..<all.count / columns).map { Array(all[$0 * columns..<($0 + 1) * columns]) }
  }

  private func head(_ row: [R], _ head: Function) -> [R] {
    if case .elementwise(let activation) = head { return row.map { apply(activation, $0).canonical } }
    var most = row[0]
    for x in row.dropFirst() { most = x > most || most.isNaN ? x : most }
    let e = row.map { R.exp($0 - most) }
    let lanes = laneSums(e.count) { e[$0] }
    let sum = lanes.dropFirst().reduce(lanes[0], +)
    if case .softmax = head { return e.map { ($0 / sum).canonical } }
    let logSum = R.log(sum)
    return row.map { ($0 - most - logSum).canonical }
  }
}

func dot<R: DefinedReal>(_ start: R, _ w: [R], _ x: [R]) -> R {
  var total = start
  for block in stride(from: 0, to: w.count, by: 32) {
    var sum: R = 0
    for k in block..<min(block + 32, w.count) { sum = fma(w[k], x[k], sum) }
    total += sum
  }
  return total
}

/// One output of a linear layer that has so many.
func linear<R: DefinedReal>(_ bias: R, _ w: [R], _ x: [R], outputs: Int) -> R {
  if outputs > 4 { return dot(bias, w, x).canonical }
  var lanes = [R](repeating: 0, count: R.lanes)
  for start in stride(from: 0, to: w.count, by: R.lanes) {
    for lane in 0..<R.lanes {
      let k = start + lane
      lanes[lane] = k < w.count ? fma(w[k], x[k], lanes[lane]) : lanes[lane] + 0
    }
  }
  while lanes.count > 1 {
    let half = lanes.count / 2
    lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
  }
  return (bias + lanes[0]).canonical
}

func apply<R: DefinedReal>(_ activation: Activation, _ x: R) -> R {
  switch activation {
  case .identity: return x
  case .sigmoid: return R.sigmoid(x)
  case .tanh: return R.tanh(x)
  case .relu: return x <= 0 ? 0 : x
  case .hardSigmoid(let alpha, let beta):
    let y = fma(R(alpha), x, R(beta))
    return y <= 0 ? 0 : (y > 1 ? 1 : y)
  case .leakyReLU(let alpha): return x < 0 ? R(alpha) * x : x
  case .thresholdedReLU(let alpha): return x <= R(alpha) ? 0 : x
  case .scaledTanh(let alpha, let beta): return R(alpha) * R.tanh(R(beta) * x)
  case .elu(let alpha): return x < 0 ? R(alpha) * R.expm1(x) : x
  case .softsign: return x.isInfinite ? R(signOf: x, magnitudeOf: 1) : x / (x.magnitude + 1)
  case .softplus: return (x <= 0 ? 0 : x) + R.log1p(R.exp(-x.magnitude))
  case .affine(let alpha, let beta): return fma(R(alpha), x, R(beta))
  case .silu: return R.silu(x)
  case .gelu: return R.gelu(x)
  case .geluTanh: return R.geluOfTanh(x)
  case .clip(let min, let max):
    let y = x < R(min) ? R(min) : x
    return y > R(max) ? R(max) : y
  case .exp: return R.expOfAny(x)
  case .log: return R.logOfAny(x)
  case .sqrt: return x.squareRoot()
  case .abs: return x.magnitude
  }
}

/// One direction of one layer.
private struct Cell<R: DefinedReal> {
  let module: Recurrent
  let activations: Recurrent.Activations
  let wIH: [[R]]
  let wHH: [[R]]
  let wHR: [[R]]
  let bIH: [R]
  let bHH: [R]
  let peephole: [R]
  let wholeIH: Defined8BitMatrix?
  let wholeHH: Defined8BitMatrix?
  let wholeHR: Defined8BitMatrix?

  init(_ model: DefinedModel<R>, _ module: Recurrent, _ layer: Int, _ direction: Int) {
    func name(_ kind: ParameterName.Kind) -> String {
      ParameterName(kind, layer: module.isCell ? nil : layer, isReverse: direction == 1).description
    }
    self.module = module
    activations = module.activations(direction: direction)
    let inputs = layer == 0 ? module.inputSize : module.outputSize
    wIH = model.matrix(module.name, name(.weightIH), columns: inputs)
    wHH = model.matrix(module.name, name(.weightHH), columns: module.stateSize)
    wHR = module.projSize > 0 ? model.matrix(module.name, name(.weightHR), columns: module.hiddenSize) : []
    wholeIH = model.whole(module.name, name(.weightIH))
    wholeHH = model.whole(module.name, name(.weightHH))
    wholeHR = model.whole(module.name, name(.weightHR))
    let none = [R](repeating: 0, count: module.cell.gateCount * module.hiddenSize)
    bIH = module.bias ? model.values(module.name, name(.biasIH)) : none
    bHH = module.bias ? model.values(module.name, name(.biasHH)) : none
    peephole = module.peephole ? model.values(module.name, name(.weightPeephole)) : []
  }

  private func clip(_ x: R) -> R {
    guard let clip = module.clip.map({ R($0) }) else { return x }
    return x > clip ? clip : (x < -clip ? -clip : x)
  }

  private func gate(_ x: R) -> R { apply(activations.gate, clip(x)) }
  private func candidate(_ x: R) -> R { apply(activations.candidate, clip(x)) }

  func step(_ x: [R], _ h: inout [R], _ c: inout [R]) {
    let size = module.hiddenSize
    func input(_ start: R, _ row: Int) -> R { wholeIH?.product(row, x, from: start) ?? dot(start, wIH[row], x) }
    func recurrent(_ start: R, _ row: Int, _ state: [R]) -> R {
      wholeHH?.product(row, state, from: start) ?? dot(start, wHH[row], state)
    }
    func total(_ gate: Int, _ unit: Int, _ state: [R]) -> R {
      let row = gate * size + unit
      return recurrent(input(bIH[row] + bHH[row], row), row, state)
    }
    let old = h
    var new = [R](repeating: 0, count: size)
    switch module.cell {
    case .rnn:
      for unit in 0..<size { new[unit] = candidate(total(0, unit, old)).canonical }
    case .lstm:
      for unit in 0..<size {
        func peep(_ gate: Int, _ cell: R, _ a: R) -> R {
          module.peephole ? fma(peephole[gate * size + unit], cell, a) : a
        }
        let i = gate(peep(0, c[unit], total(0, unit, old)))
        let f = module.inputForget ? 1 - i : gate(peep(1, c[unit], total(1, unit, old)))
        let g = candidate(total(2, unit, old))
        c[unit] = fma(f, c[unit], i * g).canonical
        let o = gate(peep(2, c[unit], total(3, unit, old)))
        new[unit] = (o * apply(activations.output, c[unit])).canonical
      }
      if let wholeHR {
        new = wholeHR.products(new, from: [R](repeating: 0, count: module.projSize)).map(\.canonical)
      } else if module.projSize > 0 { new = wHR.map { dot(0, $0, new).canonical } }
    case .gru:
      let r = (0..<size).map { gate(total(0, $0, old)) }
      let reset = (0..<size).map { r[$0] * old[$0] }
      for unit in 0..<size {
        let z = gate(total(1, unit, old)), row = 2 * size + unit
        let n: R
        if module.resetAfter {
          n = candidate(fma(r[unit], recurrent(bHH[row], row, old), input(bIH[row], row)))
        } else {
          n = candidate(total(2, unit, reset))
        }
        new[unit] = fma(z, old[unit], fma(-z, n, n)).canonical
      }
    }
    h = new
  }
}
