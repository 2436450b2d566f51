import CRNNKernels
import RNNModel

extension Engine {
  /// An operation on values as they are, without weights.
  ///
  /// The rows of a value are those of every step, (step·batch + row), those of the batch where it has no time axis, or one
  /// where it is the model's own.
  struct StepOperation {
    enum Kind {
      /// By the stage's number among the engine's embeddings.
      case embedding(Int)
      case activation(rnnkit_activation)
      case arithmetic(rnnkit_arithmetic)
      /// Each sequence's own last step so far.
      case last
      case at(Int)
      case flip
      case concatenate
      case view(Int)
      /// Whether all steps of a sequence go into it together.
      case norm(UnsafePointer<rnnkit_norm>, isOfSequence: Bool)
      case overTime(rnnkit_over_time)
      case repeated
      /// With memory to work in.
      case attend(heads: Int, scale: Double, scratch: UnsafeMutableRawPointer)
      /// By its number among the engine's.
      case window(Int)
      /// Over the positions of each step, with memory to work in.
      case across(WindowFunction, TimeWindow, channels: Int, scratch: UnsafeMutableRawPointer)
      case interleave(Int)
    }

    var kind: Kind
    /// Numbers of the values that it takes.
    var inputs: UnsafePointer<Int>
    var inputCount: Int
    var value: Int
    /// The time axis of what it takes.
    var axis: Int
    /// Whether it takes and gives something for every step.
    var hasTime: Bool
    var keepsTime: Bool
    /// Features of the value that it gives.
    var count: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
  }

  /// Runs one operation; only the first of several threads computes, and all of them note where the value is.
  func run(
    _ step: UnsafePointer<StepOperation>, _ values: UnsafeMutablePointer<Rows>, _ features: UnsafeMutablePointer<Int>,
    steps: Int, active: UnsafePointer<Int>?, isFirst: Bool
  ) {
    let operation = step.pointee, inputs = operation.inputs
    let source = values[inputs[0]]
    var target = Rows(base: UnsafeRawPointer(operation.target), stride: operation.targetStride, count: source.count)
    defer { values[operation.value] = target }
    switch operation.kind {
    case .view(let first):
      target = Rows(base: source.base + first * real, stride: source.stride, count: source.count)
    case .embedding(let number):
      guard isFirst else { return }
      recording.doNotRecord()
      switch plan.precision {
      case .float32: look(up: source, embeddings[number], operation, as: Float.self)
      case .float64: look(up: source, embeddings[number], operation, as: Double.self)
      }
    case .activation(let activation):
      guard isFirst else { return }
      copy(operation, 0, from: source, 0..<source.count)
      make(.activate(
        activation, operation.target, count: operation.count, rows: source.count, stride: operation.targetStride))
    case .arithmetic(let kind):
      let other = values[inputs[1]]
      target.count = max(source.count, other.count)
      guard isFirst else { return }
      arithmetic(kind, operation, source, features[inputs[0]], other, features[inputs[1]], steps: steps)
    case .last:
      target.count = batch
      guard isFirst else { return }
      guard active != nil else { return copy(operation, 0, from: source, (steps - 1) * batch..<steps * batch) }
      for row in 0..<batch {
        let length = length(of: row, steps, active), from = (length - 1) * batch + row
        if length > 0 { copy(operation, row, from: source, from..<from + 1) }
      }
    case .at(let position):
      target.count = batch
      guard isFirst else { return }
      let step = position < 0 ? steps + position : position
      copy(operation, 0, from: source, step * batch..<(step + 1) * batch)
    case .flip:
      guard isFirst else { return }
      for row in 0..<batch {
        let length = length(of: row, steps, active)
        for step in 0..<steps {
          let from = (step < length ? length - 1 - step : step) * batch + row
          copy(operation, step * batch + row, from: source, from..<from + 1)
        }
      }
    case .concatenate:
      for number in 0..<operation.inputCount { target.count = max(target.count, values[inputs[number]].count) }
      guard isFirst else { return }
      var first = 0
      for number in 0..<operation.inputCount {
        let source = values[inputs[number]], count = features[inputs[number]]
        // All rows at once, the same row for all, or those of the batch for every step.
        let atOnce = source.count == target.count || source.count == 1 ? target.count : batch
        let rows = Rows(base: source.base, stride: source.count < atOnce ? 0 : source.stride, count: atOnce)
        for row in stride(from: 0, to: target.count, by: atOnce) {
          let place = operation.target + (row * operation.targetStride + first) * real
          make(.copy(rows, count: count, to: place, stride: operation.targetStride))
        }
        first += count
      }
    case .norm(let norm, let isOfSequence):
      guard isFirst else { return }
      normalize(norm, isOfSequence && source.count == steps * batch, operation, source, steps: steps, active)
    case .overTime(let function):
      if function != RNNKIT_SOFTMAX_OVER_TIME { target.count = batch }
      guard isFirst else { return }
      make(function, operation, of: source, steps: steps, active)
    case .window: return
    case .across(let function, let window, let channels, let scratch):
      guard isFirst else { return }
      recording.doNotRecord()
      pool(function, window, channels, operation, source, positions: features[inputs[0]] / channels, scratch)
    case .interleave(let parts):
      guard isFirst else { return }
      recording.doNotRecord()
      switch plan.precision {
      case .float32: interleave(parts, operation, source, as: UInt32.self)
      case .float64: interleave(parts, operation, source, as: UInt64.self)
      }
    case .attend(let heads, let scale, let scratch):
      guard isFirst else { return }
      recording.doNotRecord()
      attend(heads: heads, scale: scale, operation, values, features, steps: steps, active, scratch)
    case .repeated:
      target.count = steps * batch
      guard isFirst else { return }
      let rows = Rows(base: source.base, stride: source.count == 1 ? 0 : source.stride, count: batch)
      for step in 0..<steps {
        make(.copy(
          rows, count: operation.count, to: operation.target + step * batch * operation.targetStride * real,
          stride: operation.targetStride))
      }
    }
  }

  /// How many of `steps` steps are a row's own.
  func length(of row: Int, _ steps: Int, _ active: UnsafePointer<Int>?) -> Int {
    guard let active else { return steps }
    var length = 0
    while length < steps, active[length] > row { length += 1 }
    return length
  }

  /// Rows of a value as those of the operation's from `row` on.
  private func copy(_ operation: StepOperation, _ row: Int, from source: Rows, _ rows: Range<Int>) {
    let base = source.base + rows.lowerBound * source.stride * real
    make(.copy(
      Rows(base: base, stride: source.stride, count: rows.count), count: operation.count,
      to: operation.target + row * operation.targetStride * real, stride: operation.targetStride))
  }

  private func look<R: Real>(up rows: Rows, _ stage: EmbeddingStage, _ operation: StepOperation, as type: R.Type) {
    let indices = rows.base.assumingMemoryBound(to: Int.self), target = operation.target.assumingMemoryBound(to: type)
    for row in 0..<rows.count {
      stage.look(up: indices[row], into: target + row * operation.targetStride)
    }
  }

  /// Two values of as many rows at once; where one of them has none for every step, step by step.
  private func arithmetic(
    _ kind: rnnkit_arithmetic, _ operation: StepOperation, _ a: Rows, _ aCount: Int, _ b: Rows, _ bCount: Int, steps: Int
  ) {
    let count = max(a.count, b.count)
    func isWhole(_ rows: Rows) -> Bool { rows.count == count || rows.count == 1 }
    let atOnce = isWhole(a) && isWhole(b) ? count : batch
    func operand(_ rows: Rows, _ features: Int, from first: Int) -> rnnkit_operand {
      // One row stands for all of them.
      let isOne = rows.count == 1 && count > 1
      return rnnkit_operand(
        values: rows.base + (isOne || rows.count < count ? 0 : first * rows.stride * real), stride: isOne ? 0 : rows.stride,
        single: features == 1 && operation.count > 1)
    }
    var first = 0
    while first < count {
      make(.arithmetic(
        kind, operand(a, aCount, from: first), operand(b, bCount, from: first), count: operation.count, rows: atOnce,
        to: operation.target + first * operation.targetStride * real, stride: operation.targetStride))
      first += atOnce
    }
  }
}
