import CRNNKernels
import RNNModel

extension Engine {
  /// The steps of a time axis in a run, and for each how many rows it concerns; nil for all.
  struct Axis {
    var steps = 0
    var active: UnsafePointer<Int>?
  }

  /// A window in an engine: where what it leaves for the next run is in the state, and memory to work in.
  struct WindowOperation {
    let stage: WindowStage
    /// Bytes before the first row's context, and from one to the next; nil where every run is a whole one.
    let context: (start: Int, stride: Int)?
    let source: Int
    let target: Int
    let scratch: UnsafeMutableRawPointer
    /// For each step of the target's axis how many rows reach it.
    let active: UnsafeMutablePointer<Int>
  }

  /// One row's steps: those that are left from before, and new ones.
  private struct RowSteps {
    let pending: ContextNumbers
    /// The ring of those that are left, nil where every run is a whole one; bytes of a step in it, and steps.
    let ring: UnsafeMutableRawPointer?
    let ringStride: Int
    let capacity: Int
    let base: UnsafeRawPointer
    let stride: Int
    /// New steps that are the row's own.
    let length: Int
    let mode: Convolution.Padding

    /// Where the step of a number is, counted from the first that is left; nil for padding.
    func at(_ number: Int) -> UnsafeRawPointer? {
      if number < pending.count {
        if number >= pending.padding { return ring.map { UnsafeRawPointer($0 + place(number)) } }
        if mode == .zeros { return nil }
      }
      var step = number - pending.count
      if step < 0 || step >= length {
        switch mode {
        case .zeros: return nil
        case .replicate: step = min(max(step, 0), length - 1)
        case .circular: step = (step % length + length) % length
        case .reflect: step = step < 0 ? -step : 2 * (length - 1) - step
        }
        guard (0..<length).contains(step) else { return nil }
      }
      return base + step * stride
    }

    /// Bytes before the step of a number in the ring, which has room for one at least.
    func place(_ number: Int) -> Int { (pending.first + number) % capacity * ringStride }
  }

  func run(
    _ window: WindowOperation, _ operation: StepOperation, _ source: Rows, _ state: UnsafeMutableRawPointer
  ) -> Rows {
    recording.doNotRecord()
    let stage = window.stage, shape = stage.window
    let steps = axes[window.source].steps, active = axes[window.source].active
    let isWhole = window.context == nil
    let bytes = plan.precision.stride(stage.features) * real
    func ring(_ row: Int) -> UnsafeMutableRawPointer? { window.context.map { state + $0.start + row * $0.stride } }
    func pending(_ row: Int) -> ContextNumbers {
      guard let ring = ring(row) else { return ContextNumbers(count: shape.before, padding: max(0, shape.before)) }
      return ContextNumbers(ring + stage.capacity * bytes, plan.precision)
    }
    let count = stage.windowCount(pending: pending(0).count, steps: steps, isWhole: isWhole)
    let mode: Convolution.Padding = if case .convolution(let module) = stage.kind { module.padding } else { .zeros }
    func rowSteps(_ row: Int) -> RowSteps {
      RowSteps(
        pending: pending(row), ring: ring(row), ringStride: bytes, capacity: stage.capacity, base: source.base + row * source.stride * real,
        stride: source.stride * batch * real, length: length(of: row, steps, active), mode: mode)
    }
    axes[window.target] = Axis(steps: count)
    if active != nil {
      for step in 0..<count { window.active[step] = 0 }
      for row in 0..<batch {
        let own = min(count, stage.windowCount(pending: pending(row).count, steps: length(of: row, steps, active), isWhole: isWhole))
        for step in 0..<own { window.active[step] += 1 }
      }
      axes[window.target].active = UnsafePointer(window.active)
    }
    let targetActive = axes[window.target].active
    switch stage.kind {
    case .function(let function):
      for row in 0..<batch {
        let rows = rowSteps(row), own = length(of: row, count, targetActive)
        for step in 0..<own {
          let target = operation.target + (step * batch + row) * operation.targetStride * real
          pool(function, stage, rows, from: step * shape.stride, bytes, window.scratch, to: target)
        }
        clear(operation, row, from: own, to: count)
      }
    case .convolution(let module):
      if let taken = stage.taken {
        convolve(positions: taken, module, window, operation, count: count, row: rowSteps)
      } else {
        convolve(module, window, operation, count: count, source, steps: steps, row: rowSteps)
      }
      if targetActive != nil {
        for row in 0..<batch { clear(operation, row, from: length(of: row, count, targetActive), to: count) }
      }
    }
    if window.context != nil {
      for row in 0..<batch { leave(rowSteps(row), stage, bytes, windows: length(of: row, count, targetActive)) }
    }
    return Rows(base: UnsafeRawPointer(operation.target), stride: operation.targetStride, count: count * batch)
  }

  /// Keeps of a row what later windows need: what is left from before stays where it is, new steps take the places behind it.
  private func leave(_ row: RowSteps, _ stage: WindowStage, _ bytes: Int, windows: Int) {
    guard let ring = row.ring else { return }
    let done = windows * stage.window.stride, all = row.pending.count + row.length
    for number in max(done, row.pending.count, row.pending.padding)..<max(done, all, row.pending.count, row.pending.padding) {
      if let source = row.at(number) {
        (ring + row.place(number)).copyMemory(from: source, byteCount: stage.features * real)
      }
    }
    var numbers = ContextNumbers(count: all - done, padding: max(0, row.pending.padding - done))
    if stage.capacity > 0 { numbers.first = (row.pending.first + done) % stage.capacity }
    numbers.store(to: ring + stage.capacity * bytes, plan.precision)
  }

  private func pool(
    _ function: WindowFunction, _ stage: WindowStage, _ row: RowSteps, from first: Int, _ bytes: Int,
    _ scratch: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer
  ) {
    let size = stage.features * real
    var taken = 0
    for tap in 0..<stage.window.size {
      let source = row.at(first + tap * stage.window.dilation)
      switch function {
      case .join:
        if let source { (target + tap * size).copyMemory(from: source, byteCount: size) } else { zero(target + tap * size, size) }
        continue
      case .average(countsPadding: true):
        if source == nil { zero(scratch + taken * bytes, size) }
      default:
        if source == nil { continue }
      }
      if let source { (scratch + taken * bytes).copyMemory(from: source, byteCount: size) }
      taken += 1
    }
    let kind: rnnkit_over_time
    if taken == 0, case .max = function {
      // Nothing but padding.
      return fill(target, stage.features, -.infinity)
    }
    switch function {
    case .join: return
    case .max: kind = RNNKIT_LARGEST
    case .average: kind = RNNKIT_MEAN
    }
    make(.overTime(
      kind, Rows(base: UnsafeRawPointer(scratch), stride: bytes / real, count: taken), count: stage.features, to: target, stride: 0))
  }

  private func zero(_ place: UnsafeMutableRawPointer, _ size: Int) {
    place.initializeMemory(as: UInt8.self, repeating: 0, count: size)
  }

  /// Products of windows with the weights, so many rows of (step·batch + row) at once; in place of the steps where they
  /// follow each other in memory.
  private func convolve(
    _ module: Convolution, _ window: WindowOperation, _ operation: StepOperation, count: Int, _ source: Rows, steps: Int,
    row rowSteps: (Int) -> RowSteps
  ) {
    let stage = window.stage, shape = stage.window, all = count * batch
    let channels = module.inChannels / module.groups, rows = module.outChannels / module.groups, inner = shape.size * channels
    let results = window.scratch + WindowStage.rowsAtOnce * inner * real
    let isDense = batch == 1 && module.groups == 1 && (shape.dilation == 1 || shape.size == 1)
      && (source.stride == module.inChannels || shape.size == 1)
    var done = 0
    while done < all {
      var now = min(WindowStage.rowsAtOnce, all - done)
      if isDense {
        let own = rowSteps(0), first = done * shape.stride - own.pending.count
        if first >= 0 {
          let whole = own.length - shape.span - first
          let direct = whole < 0 ? 0 : min(all - done, whole / shape.stride + 1)
          if direct > 0 {
            make(.multiply(
              UnsafePointer(stage.groups[0].matrix),
              Rows(base: source.base + first * source.stride * real, stride: shape.stride * source.stride, count: direct),
              from: stage.groups[0].bias.base, to: operation.target + done * operation.targetStride * real,
              stride: operation.targetStride))
            canonical(operation, done, direct)
            done += direct
            continue
          }
        } else {
          // Until the first window of new steps alone.
          now = min(now, (-first + shape.stride - 1) / shape.stride)
        }
      }
      for group in 0..<module.groups {
        for number in 0..<now {
          let own = rowSteps((done + number) % batch), first = (done + number) / batch * shape.stride
          for tap in 0..<shape.size {
            let place = window.scratch + (number * inner + tap * channels) * real
            if let from = own.at(first + tap * shape.dilation) {
              place.copyMemory(from: from + group * channels * real, byteCount: channels * real)
            } else {
              zero(place, channels * real)
            }
          }
        }
        let weights = stage.groups[group], taken = Rows(base: UnsafeRawPointer(window.scratch), stride: inner, count: now)
        let target = operation.target + done * operation.targetStride * real
        guard module.groups > 1 else {
          make(.multiply(UnsafePointer(weights.matrix), taken, from: weights.bias.base, to: target, stride: operation.targetStride))
          continue
        }
        make(.multiply(UnsafePointer(weights.matrix), taken, from: weights.bias.base, to: results, stride: weights.count))
        for number in 0..<now {
          (target + (number * operation.targetStride + group * rows) * real)
            .copyMemory(from: results + number * weights.count * real, byteCount: rows * real)
        }
      }
      canonical(operation, done, now)
      done += now
    }
  }

  /// Products of windows over steps and positions, so many of (step·batch + row)·positions at once.
  private func convolve(
    positions taken: [Int], _ module: Convolution, _ window: WindowOperation, _ operation: StepOperation, count: Int,
    row rowSteps: (Int) -> RowSteps
  ) {
    guard let across = module.across else { return }
    let stage = window.stage, shape = stage.window, size = across.size
    let channels = module.inChannels / module.groups, outs = module.outChannels / module.groups
    let inner = shape.size * size * channels, positions = taken.count / size, all = count * batch * positions
    let results = window.scratch + WindowStage.rowsAtOnce * inner * real, piece = channels * real
    var done = 0
    while done < all {
      let now = min(WindowStage.rowsAtOnce, all - done)
      for group in 0..<module.groups {
        // Those of one step of one row together.
        var number = 0
        while number < now {
          let place = (done + number) / positions, first = (done + number) % positions
          let these = min(now - number, positions - first), own = rowSteps(place % batch)
          for tap in 0..<shape.size {
            let from = own.at(place / batch * shape.stride + tap * shape.dilation).map { $0 + group * piece }
            for position in 0..<these {
              let target = window.scratch + ((number + position) * inner + tap * size * channels) * real
              gather(taken, (first + position) * size, size, from, module.inChannels * real, piece, to: target)
            }
          }
          number += these
        }
        let weights = stage.groups[group], rows = Rows(base: UnsafeRawPointer(window.scratch), stride: inner, count: now)
        make(.multiply(UnsafePointer(weights.matrix), rows, from: weights.bias.base, to: results, stride: weights.count))
        make(.activate(Activation.identity.kernel, results, count: outs, rows: now, stride: weights.count))
        for number in 0..<now {
          let place = (done + number) / positions, position = (done + number) % positions
          (operation.target + (place * operation.targetStride + position * module.outChannels + group * outs) * real)
            .copyMemory(from: results + number * weights.count * real, byteCount: outs * real)
        }
      }
      done += now
    }
  }

  /// The channels of the positions that are taken one after the other; those that stand side by side at once.
  private func gather(
    _ taken: [Int], _ first: Int, _ count: Int, _ from: UnsafeRawPointer?, _ stride: Int, _ piece: Int, to target: UnsafeMutableRawPointer
  ) {
    guard let from else { return zero(target, count * piece) }
    var tap = 0
    while tap < count {
      let position = taken[first + tap]
      var together = 1
      if position < 0 {
        zero(target + tap * piece, piece)
      } else {
        if stride == piece { while tap + together < count, taken[first + tap + together] == position + together { together += 1 } }
        (target + tap * piece).copyMemory(from: from + position * stride, byteCount: together * piece)
      }
      tap += together
    }
  }

  private func canonical(_ operation: StepOperation, _ first: Int, _ count: Int) {
    make(.activate(
      Activation.identity.kernel, operation.target + first * operation.targetStride * real, count: operation.count, rows: count,
      stride: operation.targetStride))
  }
}
