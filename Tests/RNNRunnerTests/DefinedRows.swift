import RNNModel

/// What `Schemas/numbers.md` says of norms and of functions over time.
extension DefinedModel {
  /// Lane j's sum of numbers j, j + n, j + 2n …, each from +0.
  func laneSums(_ count: Int, _ number: (Int) -> R) -> [R] {
    var lanes = [R](repeating: 0, count: R.lanes)
    for start in stride(from: 0, to: count, by: R.lanes) {
      for lane in 0..<R.lanes { lanes[lane] += start + lane < count ? number(start + lane) : 0 }
    }
    return lanes
  }

  func normalized(_ module: Norm, _ rows: [[R]], _ hasTime: Bool, _ length: Int) -> [[R]] {
    func parameter(_ name: String, or missing: R) -> [R] {
      module.parameters.contains(name) ? values(module.name, name) : [R](repeating: missing, count: module.features)
    }
    let weight = parameter("weight", or: 1), bias = parameter("bias", or: 0), eps = R(module.eps)
    switch module.kind {
    case .batch:
      let mean = parameter("running_mean", or: 0), variance = parameter("running_var", or: 1)
      let scale = zip(weight, variance).map { $0 / ($1 + eps).squareRoot() }
      return rows.map { row in
        row.indices.map { feature in
          let channel = feature % module.features
          return fma(row[feature] - mean[channel], scale[channel], bias[channel]).canonical
        }
      }
    case .layer, .rms: return rows.flatMap { together(module, [$0], weight, bias, eps) }
    case .group:
      guard hasTime else { return together(module, rows, weight, bias, eps) }
      let zeros = [R](repeating: 0, count: rows.first?.count ?? 0)
      return together(module, Array(rows[..<length]), weight, bias, eps) + rows[length...].map { _ in zeros }
    }
  }

  private func together(_ module: Norm, _ rows: [[R]], _ weight: [R], _ bias: [R], _ eps: R) -> [[R]] {
    let count = R(rows.first?.count ?? 0) * R(rows.count)
    func total(_ number: (R) -> R, squares: Bool) -> R {
      var lanes = [R](repeating: 0, count: R.lanes)
      for row in rows {
        var sums = [R](repeating: 0, count: R.lanes)
        for (index, x) in row.enumerated() {
          let value = number(x)
          sums[index % R.lanes] = squares ? fma(value, value, sums[index % R.lanes]) : sums[index % R.lanes] + value
        }
        for lane in 0..<R.lanes { lanes[lane] += sums[lane] }
      }
      return lanes.dropFirst().reduce(lanes[0], +)
    }
    let mean = module.kind == .rms ? 0 : total({ $0 }, squares: false) / count
    let factor = 1 / (total({ $0 - mean }, squares: true) / count + eps).squareRoot()
    return rows.map { row in
      row.indices.map { fma((row[$0] - mean) * factor, weight[$0 % module.features], bias[$0 % module.features]).canonical }
    }
  }

  func made(_ function: TimeFunction, of rows: [[R]], _ length: Int) -> [[R]] {
    let own = Array(rows[..<length])
    let columns = (0..<(rows.first?.count ?? 0)).map { feature in made(function, ofColumn: own.map { $0[feature] }) }
    guard function.keepsTime else { return [columns.map { $0[0] }] }
    return rows.indices.map { step in columns.map { step < length ? $0[step] : 0 } }
  }

  private func made(_ function: TimeFunction, ofColumn column: [R]) -> [R] {
    func total(_ numbers: [R]) -> R {
      var total: R = 0
      for block in stride(from: 0, to: numbers.count, by: 32) {
        total += numbers[block..<min(block + 32, numbers.count)].reduce(0, +)
      }
      return total
    }
    var most = column[0]
    for x in column.dropFirst() where x > most || x.isNaN { most = x }
    switch function {
    case .sum: return [total(column).canonical]
    case .mean: return [(total(column) / R(column.count)).canonical]
    case .max: return [most.canonical]
    case .softmax:
      let e = column.map { R.exp($0 - most) }, sum = total(e)
      return e.map { ($0 / sum).canonical }
    }
  }

  // MARK: Windows

  /// The steps of each window, nil for padding; how many windows there are, and how many of them are the sequence's own.
  private func windows(
    _ window: TimeWindow, _ rows: [[R]], _ length: Int, _ mode: Convolution.Padding = .zeros
  ) -> (taken: [[[R]?]], count: Int) {
    func count(_ steps: Int) -> Int {
      let all = steps + window.before + window.after
      return all >= window.span ? (all - window.span) / window.stride + 1 : 0
    }
    let taken = (0..<count(length)).map { number in
      (0..<window.size).map { tap -> [R]? in
        let step = number * window.stride + tap * window.dilation - window.before
        if (0..<length).contains(step) { return rows[step] }
        switch mode {
        case .zeros: return nil
        case .replicate: return rows[step < 0 ? 0 : length - 1]
        case .circular: return rows[step < 0 ? step + length : step - length]
        case .reflect: return rows[step < 0 ? -step : 2 * length - 2 - step]
        }
      }
    }
    return (taken, count(rows.count))
  }

  func pooled(_ function: WindowFunction, _ window: TimeWindow, _ rows: [[R]], _ length: Int) -> ([[R]], Int) {
    let (taken, count) = windows(window, rows, length), features = rows.first?.count ?? 0
    let zeros = [R](repeating: 0, count: features)
    let own = taken.map { steps -> [R] in
      switch function {
      case .join: return steps.flatMap { $0 ?? zeros }
      case .max:
        let there = steps.compactMap { $0 }
        return there.isEmpty ? [R](repeating: -.infinity, count: features) : made(.max, of: there, there.count)[0]
      case .average(let countsPadding):
        let there = countsPadding ? steps.map { $0 ?? zeros } : steps.compactMap { $0 }
        return there.isEmpty ? [R](repeating: .nan, count: features) : made(.mean, of: there, there.count)[0]
      }
    }
    let size = function == .join ? features * window.size : features
    return (own + [[R]](repeating: [R](repeating: 0, count: size), count: count - own.count), own.count)
  }

  func convolved(_ module: Convolution, _ rows: [[R]], _ length: Int) -> ([[R]], Int) {
    let (taken, count) = windows(module.window, rows, length, module.padding)
    let weight = values(module.name, "weight"), bias = module.bias ? values(module.name, "bias") : [R](repeating: 0, count: module.outChannels)
    let channels = module.inChannels / module.groups, outs = module.outChannels / module.groups, size = module.window.size
    if let across = module.across { return convolved(module, across, taken, count, weight, bias, rows.first?.count ?? 0) }
    let own = taken.map { steps in
      (0..<module.outChannels).map { out -> R in
        var w: [R] = [], x: [R] = []
        for (tap, step) in steps.enumerated() {
          for channel in 0..<channels {
            w.append(weight[(out * channels + channel) * size + tap])
            x.append(step?[out / outs * channels + channel] ?? 0)
          }
        }
        return dot(bias[out], w, x).canonical
      }
    }
    return (own + [[R]](repeating: [R](repeating: 0, count: module.outChannels), count: count - own.count), own.count)
  }

  /// A step's positions, of so many features each.
  func positions(_ row: [R], _ channels: Int) -> [[R]] {
    stride(from: 0, to: row.count, by: channels).map { Array(row[$0..<$0 + channels]) }
  }

  /// Over the positions too: each output is the product of a window of steps with a window of their positions.
  private func convolved(
    _ module: Convolution, _ across: TimeWindow, _ taken: [[[R]?]], _ count: Int, _ weight: [R], _ bias: [R], _ features: Int
  ) -> ([[R]], Int) {
    let channels = module.inChannels / module.groups, outs = module.outChannels / module.groups
    let (steps, taps) = (module.window.size, across.size)
    let zeros = [R](repeating: 0, count: module.inChannels)
    let own = taken.map { window -> [R] in
      // For each step of the window, for each position that comes out, what goes into it.
      let places = window.map { row -> [[[R]]] in
        let row = row ?? [R](repeating: 0, count: features), positions = positions(row, module.inChannels)
        return windows(across, positions, positions.count, module.padding).taken.map { $0.map { $0 ?? zeros } }
      }
      return (0..<(places.first?.count ?? 0)).flatMap { position in
        (0..<module.outChannels).map { out -> R in
          var w: [R] = [], x: [R] = []
          for step in 0..<steps {
            for tap in 0..<taps {
              let at = module.isTimeLast ? tap * steps + step : step * taps + tap
              for channel in 0..<channels {
                w.append(weight[(out * channels + channel) * steps * taps + at])
                x.append(places[step][position][tap][out / outs * channels + channel])
              }
            }
          }
          return dot(bias[out], w, x).canonical
        }
      }
    }
    let size = module.outputSize(of: features) ?? 0
    return (own + [[R]](repeating: [R](repeating: 0, count: size), count: count - own.count), own.count)
  }

  // MARK: Attention

  /// - Parameters:
  ///   - keys: Steps of the keys that are the sequence's own.
  ///   - own: The same of the queries.
  func attended(_ attention: Attention, _ queries: [[R]], _ keyRows: [[R]], _ valueRows: [[R]], keys: Int, own: Int) -> [[R]] {
    let heads = attention.heads, width = (valueRows.first?.count ?? 0) / heads
    return queries.enumerated().map { step, query -> [R] in
      guard step < own else { return [R](repeating: 0, count: heads * width) }
      let size = query.count / heads, factor = R(attention.factor(query.count))
      return (0..<heads).flatMap { head -> [R] in
        let scaled = query[head * size..<(head + 1) * size].map { $0 * factor }
        let scores = keyRows[..<keys].map { [dot(0, Array($0[head * size..<(head + 1) * size]), scaled)] }
        let weights = made(.softmax, of: scores, keys).map { $0[0] }
        return (head * width..<(head + 1) * width).map { feature in dot(0, weights, valueRows[..<keys].map { $0[feature] }).canonical }
      }
    }
  }
}
