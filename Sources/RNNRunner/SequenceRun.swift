import RNNModel

extension Plan {
  /// Runs whole sequences: (time, batch, features) or, where the model is batch-first, (batch, time, features);
  /// (time, features) for one without a batch axis. An embedding's indices have no feature axis.
  ///
  /// Long sequences are taken in pieces of bounded memory where time only runs forward. No result depends on it, nor
  /// on the rest of the batch.
  ///
  /// - Parameters:
  ///   - input: Of any float type, rounded or widened to the plan's precision; whole numbers for an embedding. Of a plan
  ///   with one input.
  ///   - state: What to start from; nil for `state(batch:)`.
  ///   - lengths: For each row how many steps count, in any order; nil for all. As with PyTorch's packed sequences,
  ///   output past them is zero, states are those of each last step, and the reverse direction starts there.
  ///   - isPiece: Whether this is a piece of longer sequences, run with the state that the piece before it left. A
  ///   length may then be 0, of a sequence already over. Refused for plans with a reverse direction.
  ///   - threads: How many threads may be used: they share the batch's rows or, where there is only one, the units of
  ///   large layers. Small work is done on one thread all the same.
  ///   - trace: Given every layer's outputs, piece by piece, on one thread.
  /// - Throws: `RNNError` for an input of the wrong rank, feature count or type, without steps, for an index out of
  ///   range, for lengths or a state that do not fit it.
  public func run(
    _ input: Tensor, state: State? = nil, lengths: [Int]? = nil, isPiece: Bool = false, threads: Int = 1,
    trace: ((LayerTrace) -> Void)? = nil
  ) throws(RNNError) -> Outputs {
    try run([input], state: state, lengths: lengths, isPiece: isPiece, threads: threads, trace: trace)
  }

  /// The same for several inputs, in the order of `inputs`; all have as many steps and rows.
  public func run(
    _ inputs: [Tensor], state: State? = nil, lengths: [Int]? = nil, isPiece: Bool = false, threads: Int = 1,
    trace: ((LayerTrace) -> Void)? = nil
  ) throws(RNNError) -> Outputs {
    guard threads >= 1 else { throw RNNError(.usage, "\(threads) threads", remedy: "use 1 or more") }
    let sequence = try SequenceInput(inputs, for: self)
    if isPiece && !isStreamable { throw notStreamable }
    try check(lengths, sequence, least: isPiece && !program.keepsLastStep ? 0 : 1)
    let start: State
    if let state { start = state } else { start = try self.state(batch: sequence.batch) }
    guard start.layout == layout, start.batch == sequence.batch else {
      throw RNNError(.usage, place: "state",
        "it is of \(start.batch) rows of \(start.precision.rawValue), or of other modules; "
          + "the input has \(sequence.batch) rows",
        remedy: "make it with state(batch: \(sequence.batch)) of the same plan")
    }
    return switch precision {
    case .float32: try SequenceRun<Float>(self, sequence, lengths, threads, trace).run(start)
    case .float64: try SequenceRun<Double>(self, sequence, lengths, threads, trace).run(start)
    }
  }

  /// The rows of a whole input, for `state(batch:)`: 1 for one without a batch axis. Throws as `run` does.
  public func batch(of input: Tensor) throws(RNNError) -> Int { try batch(of: [input]) }

  /// The same for several inputs.
  public func batch(of inputs: [Tensor]) throws(RNNError) -> Int { try SequenceInput(inputs, for: self).batch }

  /// The names by which an input is given: `input` for an only one, and its own unless nobody gave it one.
  public func names(of input: Input) -> [String] {
    inputs.count > 1 ? [input.name] : input.name == "x" ? ["input"] : ["input", input.name]
  }

  /// The inputs among the members of a reference case or an input file: `input` for an only one, else each by its name.
  public func inputs(in members: [NamedTensor]) throws(RNNError) -> [Tensor] {
    var tensors: [Tensor] = []
    for input in inputs {
      let names = self.names(of: input)
      guard let tensor = names.lazy.compactMap({ name in members.first { $0.name == name }?.tensor }).first else {
        throw RNNError(.badData, place: names[0], "it is missing",
          remedy: inputs.count == 1 ? "add it" : "add it; the model takes \(inputs.map(\.name).listed())")
      }
      tensors.append(tensor)
    }
    return tensors
  }

  /// Lengths from a tensor of whole numbers, as a reference case's member `lengths` is.
  public static func lengths(_ tensor: Tensor) throws(RNNError) -> [Int] {
    guard tensor.shape.rank <= 1, tensor.elementType.isInteger else {
      throw RNNError(.badData, place: "lengths",
        "a tensor \(tensor.shape) of \(tensor.elementType.rawValue), expected one whole number for each row",
        remedy: "give an int64 tensor of (batch,)")
    }
    var lengths: [Int] = []
    for index in 0..<tensor.count {
      guard let length = tensor.integer(at: index) else {
        throw RNNError(.badData, place: "lengths, row \(index)", "the number is too large",
          remedy: "correct the lengths")
      }
      lengths.append(length)
    }
    return lengths
  }

  private func check(_ lengths: [Int]?, _ sequence: SequenceInput, least: Int) throws(RNNError) {
    guard let lengths else { return }
    guard lengths.count == sequence.batch else {
      throw RNNError(.badData, place: "lengths",
        "\(lengths.count) lengths, expected \(sequence.batch), one for each row",
        remedy: "correct the lengths")
    }
    for (row, length) in lengths.enumerated() where !(least...sequence.steps).contains(length) {
      throw RNNError(.badData, place: "lengths, row \(row)", "\(length), expected \(least) to \(sequence.steps)",
        remedy: "correct the lengths")
    }
  }

  /// Bytes of memory that an engine of a run may take for its rows, where one step of one row takes no more.
  static let pieceSize = 32 << 20

  /// Steps to take at once: enough rows to make good use of each weight read, few enough for their gates to stay in
  /// cache, and for all that is kept of them to stay within `pieceSize`.
  func pieceSteps(_ sequence: SequenceInput, batch: Int) -> Int {
    let row = RowSizes(self), batch = max(batch, 1)
    let step = max(row.gates, 1) * precision.size * batch
    let wanted = max((1 << 19) / step, (63 + batch) / batch)
    return max(1, min(sequence.steps, wanted, Self.pieceSize / batch / max(row.byteCount(precision), 1)))
  }

  /// Rows to take at once, of a batch that is too large for `pieceSize`. A plan with a reverse direction, which keeps every
  /// step, gets as many as make good use of its weights in any case.
  func pieceRows(_ sequence: SequenceInput) -> Int {
    let size = max(RowSizes(self).byteCount(precision), 1)
    if isStreamable { return max(1, Self.pieceSize / size) }
    return max(96, Self.pieceSize / size / max(sequence.steps, 1))
  }
}

/// One run of whole sequences.
private struct SequenceRun<R: Real> {
  let plan: Plan
  let sequence: SequenceInput
  let trace: ((LayerTrace) -> Void)?
  /// Which sequence each of the engine's rows is: the longest first, so that those still active come first; nil where
  /// all are equally long.
  let order: [Int]?
  /// For each step, how many sequences reach it.
  let active: [Int]
  let threads: Int

  init(
    _ plan: Plan, _ sequence: SequenceInput, _ lengths: [Int]?, _ threads: Int, _ trace: ((LayerTrace) -> Void)?
  ) {
    self.plan = plan
    self.sequence = sequence
    self.trace = trace
    // Worth the making of threads.
    self.threads =
      trace == nil
      ? Team.size(threads, for: plan, steps: sequence.steps, batch: sequence.batch, least: 1 << 20) : 1
    guard let lengths, lengths.contains(where: { $0 < sequence.steps }) else {
      order = nil
      active = []
      return
    }
    order = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
    var ending = [Int](repeating: 0, count: sequence.steps + 1)
    for length in lengths { ending[length] += 1 }
    var left = lengths.count
    active = (0..<sequence.steps).map { step in
      left -= ending[step]
      return left
    }
  }

  func run(_ start: State) throws(RNNError) -> Outputs {
    let batch = sequence.batch, precision = R.precision, program = plan.program
    var targets: [Target] = []
    if let kept = program.kept {
      let shape = try sequence.outputShape(program.values[kept.value].features, hasTime: true)
      targets.append(Target(value: kept.value, hasTime: true, result: try Result(shape, precision)))
    }
    var results: [(name: String, target: Int)] = []
    for (output, value) in zip(plan.outputs, program.outputs) {
      let known = targets.firstIndex { $0.value == value }
      if plan.isOutputAlone(output, value) { continue }
      results.append((output.name ?? "y", known ?? targets.count))
      guard known == nil else { continue }
      let shape = try sequence.outputShape(output.features, hasTime: output.hasTime)
      targets.append(Target(value: value, hasTime: output.hasTime, result: try Result(shape, precision)))
    }
    var state: State
    if let order { state = try start.permuted(order) } else { state = start }
    if batch > 0 {
      let team = threads > 1 ? try Team(threads) : nil
      let parts = parts()
      let memory = try state.makeMutable()
      if let team, batch > 1 {
        let failures = UnsafeMutablePointer<RNNError?>.allocate(capacity: parts.count)
        failures.initialize(repeating: nil, count: parts.count)
        defer {
          failures.deinitialize(count: parts.count)
          failures.deallocate()
        }
        team.run { rank in
          for part in stride(from: rank, to: parts.count, by: threads) {
            do throws(RNNError) {
              try run(parts[part], nil, memory, targets)
            } catch {
              failures[part] = error
            }
          }
        }
        for part in parts.indices { if let failure = failures[part] { throw failure } }
      } else {
        for part in parts { try run(part, team, memory, targets) }
      }
    }
    if let order {
      var back = order
      for (row, sequence) in order.enumerated() { back[sequence] = row }
      state = try state.permuted(back)
    }
    return Outputs(
      output: program.kept == nil ? nil : targets[0].result.tensor,
      results: results.map { NamedTensor($0.name, targets[$0.target].result.tensor) }, state: state,
      isBatched: sequence.isBatched)
  }

  /// Rows that are run together, on one thread but where a single row's layers are shared.
  private struct Part {
    let firstRow: Int
    let count: Int
    /// For each step, how many of the rows reach it; empty where all do.
    let active: [Int]
  }

  /// All rows in one part, or as many parts as threads, or as memory asks for, of about the same number of steps.
  private func parts() -> [Part] {
    let batch = sequence.batch, most = trace == nil ? plan.pieceRows(sequence) : batch
    let parts = batch > 1 ? max(threads, (batch + most - 1) / most) : 1
    let total = active.isEmpty ? sequence.steps * batch : active.reduce(0, +)
    var result: [Part] = [], first = 0, done = 0
    while first < batch {
      let left = parts - 1 - result.count
      var end = first
      while end < batch - max(left, 0), end - first < most,
        left <= 0 || end == first || done < total * (result.count + 1) / parts {
        done += active.isEmpty ? sequence.steps : active.count { $0 > end }
        end += 1
      }
      let count = end - first
      result.append(Part(firstRow: first, count: count, active: active.map { min(max($0 - first, 0), count) }))
      first = end
    }
    return result
  }

  /// Bytes of the input after which what was read of it is let go: they may be a mapped file's, of any size.
  private static var forgottenSize: Int { 8 << 20 }

  private func run(
    _ part: Part, _ team: Team?, _ memory: UnsafeMutableRawPointer, _ targets: [Target]
  ) throws(RNNError) {
    let pieceSteps = plan.pieceSteps(sequence, batch: part.count)
    let engine = try Engine(
      plan, batch: part.count, firstRow: part.firstRow, of: sequence.batch,
      maximumSteps: plan.isStreamable ? pieceSteps : sequence.steps, gateSteps: pieceSteps, team: team)
    var done = 0, seen = 0
    while done < sequence.steps {
      let count = min(engine.maximumSteps, sequence.steps - done)
      for number in sequence.tensors.indices { try read(number, part, from: done, count, into: engine.inputs[number], &seen) }
      _ = part.active.withUnsafeBufferPointer { active in
        engine.run(
          engine.inputs[0].base, stride: engine.inputs[0].stride, steps: count,
          active: active.isEmpty ? nil : active.baseAddress.map { $0 + done }, state: memory,
          afterLayer: tracer(from: done))
      }
      for target in targets { copy(part, engine.rows(target.value), into: target, from: done, count) }
      done += count
    }
  }

  /// Where the rows of a value go.
  private struct Target {
    let value: Int
    let hasTime: Bool
    let result: Result
  }

  private func sequenceOf(_ row: Int) -> Int { order.map { $0[row] } ?? row }

  /// Puts steps of an input into the engine's rows. `seen` counts its bytes.
  private func read(
    _ number: Int, _ part: Part, from first: Int, _ count: Int, into rows: Engine.Rows, _ seen: inout Int
  ) throws(RNNError) {
    let tensor = sequence.tensors[number], features = plan.inputs[number].features
    let embeddings = plan.program.embeddings[number]
    let size = features * tensor.elementType.byteCount * part.count
    let base = UnsafeMutableRawPointer(mutating: rows.base)
    for step in 0..<count {
      seen += size
      if seen >= Self.forgottenSize {
        sequence.tensors.forEach { $0.forget() }
        seen = 0
      }
      for row in 0..<part.count {
        let target = step * part.count + row, order = sequenceOf(part.firstRow + row)
        let source = sequence.row(step: first + step, sequence: order)
        guard !embeddings.isEmpty else {
          tensor.copyReals(
            from: source * features, count: features, to: base.assumingMemoryBound(to: R.self) + target * rows.stride)
          continue
        }
        guard let index = tensor.integer(at: source) else {
          throw RNNError(.badData, place: "input, step \(first + step), row \(order)",
            "the index is too large", remedy: "correct the input")
        }
        for stage in embeddings { try stage.check(index, step: first + step, row: order) }
        base.assumingMemoryBound(to: Int.self)[target] = index
      }
    }
  }

  /// Copies a value's rows into a tensor of the input's layout.
  private func copy(_ part: Part, _ rows: Engine.Rows, into target: Target, from first: Int, _ count: Int) {
    let source = rows.base.assumingMemoryBound(to: R.self), result = target.result
    for step in 0..<(target.hasTime ? count : 1) {
      for row in 0..<part.count {
        let number = sequenceOf(part.firstRow + row), from = step * part.count + row
        let to = target.hasTime ? sequence.row(step: first + step, sequence: number) : number
        // A value of the model's own is one row for all.
        (result.base + to * result.features).update(
          from: source + (from < rows.count ? from : 0) * rows.stride, count: result.features)
      }
    }
  }

  private func tracer(from first: Int) -> ((Int, Int, Engine.Rows) -> Void)? {
    guard let trace else { return nil }
    let modules = plan.program.recurrent.map(\.module)
    return { module, layer, rows in
      let features = modules[module].outputSize, batch = sequence.batch
      let source = rows.base.assumingMemoryBound(to: R.self)
      let values = Shape([rows.count / max(batch, 1), batch, features]).flatMap { shape in
        Tensor(R.precision.elementType, shape) { bytes in
          let target = bytes.assumingMemoryBound(to: R.self)
          for row in 0..<rows.count {
            let to = (row / batch * batch + sequenceOf(row % batch)) * features
            for feature in 0..<features { target[to + feature] = source[row * rows.stride + feature] }
          }
        }
      }
      if let values {
        trace(LayerTrace(module: modules[module].name, layer: layer, firstStep: first, values: values))
      }
    }
  }

  /// A tensor being written.
  struct Result {
    let tensor: Tensor
    let base: UnsafeMutablePointer<R>
    /// Elements of a row.
    let features: Int

    init(_ shape: Shape, _ precision: Precision) throws(RNNError) {
      let memory = try AlignedMemory(reals: shape.count, precision)
      let bytes = UnsafeRawBufferPointer(start: memory.base, count: shape.count * precision.size)
      let storage = TensorStorage(bytes) { withExtendedLifetime(memory) {} }
      guard let tensor = Tensor(precision.elementType, shape, in: storage) else {
        throw RNNError(.defect, "a tensor of \(shape) cannot be made")
      }
      self.tensor = tensor
      base = memory.base.assumingMemoryBound(to: R.self)
      features = shape.dimensions.last ?? 1
    }
  }
}
