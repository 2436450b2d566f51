import RNNModel

/// Runs a plan step by step on a batch, the state carried by the caller.
///
/// `step` and `run` allocate nothing and take no lock, so they may be called where neither is allowed, as in an audio
/// callback, as long as no copy of the state is kept (a shared state is copied before it is written). A runner with
/// several threads, which wakes them for large work, promises neither. A runner serves one thread at a time.
public final class Runner {
  /// The plan that it runs.
  public let plan: Plan
  /// Rows, one for each sequence.
  public let batch: Int
  /// Of all rows, or of the first thread's.
  private let engine: Engine
  /// Of the other threads' rows.
  private let others: [Engine]
  private let team: Team?
  /// - Parameters:
  ///   - maximumSteps: How many steps are run at once; `run` takes longer sequences in pieces of this size. Larger pieces
  ///   are faster and need more memory.
  ///   - threads: How many threads may be used: they share the batch's rows or, where there is only one, the units of
  ///   large layers. Small work is done on one thread all the same.
  /// - Throws: `RNNError` for a plan that needs the whole sequence at once, or has several inputs or outputs: `Plan.run`.
  public init(_ plan: Plan, batch: Int = 1, maximumSteps: Int = 1, threads: Int = 1) throws(RNNError) {
    guard plan.isStreamable else { throw plan.notStreamable }
    guard plan.inputs.count == 1, plan.outputs.count == 1 else {
      throw RNNError(.usage, "step by step, one input and one output are run, and the model has \(plan.inputs.count) and \(plan.outputs.count)",
        remedy: "run it whole, or choose one with \(.forward)")
    }
    guard batch >= 1, maximumSteps >= 1, threads >= 1 else {
      throw RNNError(.usage, "a runner for \(batch) rows, \(maximumSteps) steps and \(threads) threads",
        remedy: "use 1 or more of each")
    }
    self.plan = plan
    self.batch = batch
    // Worth waking threads for.
    let threads = Team.size(threads, for: plan, steps: maximumSteps, batch: batch, least: 1 << 16)
    let team = threads > 1 ? try Team(threads) : nil
    let parts = batch > 1 ? threads : 1
    var engines: [Engine] = []
    for part in 0..<parts {
      let first = part * batch / parts, end = (part + 1) * batch / parts
      engines.append(
        try Engine(
          plan, batch: end - first, firstRow: first, of: batch, maximumSteps: maximumSteps, gateSteps: maximumSteps,
          team: batch == 1 ? team : nil))
    }
    self.team = team
    engine = engines.removeFirst()
    others = engines
  }

  /// One step of a float32 plan.
  ///
  /// - Parameters:
  ///   - input: (batch, features)
  ///   - output: Gets what the forward gives: (batch, features).
  /// - Throws: `RNNError` where a size, the state or the precision is not the plan's.
  public func step(
    _ input: Span<Float>, _ state: inout State, into output: inout MutableSpan<Float>
  ) throws(RNNError) {
    try run(input, steps: 1, &state, into: &output)
  }

  /// One step of a float64 plan.
  public func step(
    _ input: Span<Double>, _ state: inout State, into output: inout MutableSpan<Double>
  ) throws(RNNError) {
    try run(input, steps: 1, &state, into: &output)
  }

  /// One step of a float32 plan in raw memory, as an audio callback has it.
  ///
  /// - Parameters:
  ///   - input: (batch, features): batch × `plan.inputSize` reals, which nobody can check.
  ///   - output: Gets what the forward gives: batch × `plan.outputSize` reals, in other memory than the input.
  /// - Throws: `RNNError` where the state or the precision is not the plan's, or it takes indices.
  public func step(
    _ input: UnsafePointer<Float>, _ state: inout State, into output: UnsafeMutablePointer<Float>
  ) throws(RNNError) {
    try step(raw: input, &state, output)
  }

  /// One step of a float64 plan in raw memory.
  public func step(
    _ input: UnsafePointer<Double>, _ state: inout State, into output: UnsafeMutablePointer<Double>
  ) throws(RNNError) {
    try step(raw: input, &state, output)
  }

  @inline(__always)
  private func step<R: Real>(
    raw input: UnsafePointer<R>, _ state: inout State, _ output: UnsafeMutablePointer<R>
  ) throws(RNNError) {
    guard !plan.takesIndices else { throw wrongInput("indices") }
    try run(R.self, count: batch * plan.inputSize, outputCount: batch * plan.outputSize, steps: 1, &state) {
      base throws(RNNError) in runPieces(input, steps: 1, base, output)
    }
  }

  /// `steps` steps of a float32 plan.
  ///
  /// - Parameters:
  ///   - input: (steps, batch, features)
  ///   - output: Gets what the forward gives: (steps, batch, features), or (batch, features) where that
  ///   has no time axis.
  public func run(
    _ input: Span<Float>, steps: Int, _ state: inout State, into output: inout MutableSpan<Float>
  ) throws(RNNError) {
    guard !plan.takesIndices else { throw wrongInput("indices") }
    try run(Float.self, count: input.count, outputCount: output.count, steps: steps, &state) { base throws(RNNError) in
      input.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          guard let x = input.baseAddress else { return }
          runPieces(x, steps: steps, base, output.baseAddress ?? nowhere())
        }
      }
    }
  }

  /// `steps` steps of a float64 plan.
  public func run(
    _ input: Span<Double>, steps: Int, _ state: inout State, into output: inout MutableSpan<Double>
  ) throws(RNNError) {
    guard !plan.takesIndices else { throw wrongInput("indices") }
    try run(Double.self, count: input.count, outputCount: output.count, steps: steps, &state) { base throws(RNNError) in
      input.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          guard let x = input.baseAddress else { return }
          runPieces(x, steps: steps, base, output.baseAddress ?? nowhere())
        }
      }
    }
  }

  /// `steps` steps of a float32 plan that takes an embedding's indices; `indices` is (steps, batch).
  public func run(
    indices: Span<Int>, steps: Int, _ state: inout State, into output: inout MutableSpan<Float>
  ) throws(RNNError) {
    guard plan.takesIndices else { throw wrongInput("\(plan.inputSize) features") }
    try run(Float.self, count: indices.count, outputCount: output.count, steps: steps, &state) {
      base throws(RNNError) in
      try indices.withUnsafeBufferPointer { (indices) throws(RNNError) in
        try output.withUnsafeMutableBufferPointer { (output) throws(RNNError) in
          try runPieces(indices, steps: steps, base, output.baseAddress ?? nowhere())
        }
      }
    }
  }

  /// `steps` steps of a float64 plan that takes an embedding's indices; `indices` is (steps, batch).
  public func run(
    indices: Span<Int>, steps: Int, _ state: inout State, into output: inout MutableSpan<Double>
  ) throws(RNNError) {
    guard plan.takesIndices else { throw wrongInput("\(plan.inputSize) features") }
    try run(Double.self, count: indices.count, outputCount: output.count, steps: steps, &state) {
      base throws(RNNError) in
      try indices.withUnsafeBufferPointer { (indices) throws(RNNError) in
        try output.withUnsafeMutableBufferPointer { (output) throws(RNNError) in
          try runPieces(indices, steps: steps, base, output.baseAddress ?? nowhere())
        }
      }
    }
  }

  /// Checks what is asked for and lends the state's memory.
  @inline(__always)
  private func run<R: Real>(
    _ type: R.Type, count: Int, outputCount: Int, steps: Int, _ state: inout State,
    _ body: (UnsafeMutableRawPointer) throws(RNNError) -> Void
  ) throws(RNNError) {
    let rows = steps.multipliedReportingOverflow(by: batch)
    let expected = rows.partialValue.multipliedReportingOverflow(by: plan.inputSize)
    let expectedOutput =
      (plan.endsInLastStep ? batch : outputRows(of: steps, state)).multipliedReportingOverflow(by: plan.outputSize)
    guard R.precision == plan.precision, steps >= 1, !rows.overflow, !expected.overflow, !expectedOutput.overflow,
      count == expected.partialValue, outputCount == expectedOutput.partialValue, state.batch == batch,
      state.layout === plan.layout || state.layout == plan.layout
    else { throw misuse(R.precision, count, outputCount, steps, state) }
    if !plan.layout.contexts.isEmpty { try plan.checkEven(state, 0..<batch) }
    try body(state.makeMutable())
  }

  /// Rows that a run gives.
  @inline(__always)
  private func outputRows(of steps: Int, _ state: State) -> Int {
    if plan.program.axes.count == 1 || state.layout != plan.layout || state.batch != batch {
      return steps.multipliedReportingOverflow(by: batch).partialValue
    }
    return plan.outputSteps(of: steps, after: state) * batch
  }

  private func misuse(
    _ precision: Precision, _ count: Int, _ outputCount: Int, _ steps: Int, _ state: State
  ) -> RNNError {
    if precision != plan.precision {
      return RNNError(.usage, "\(precision.rawValue) input for a plan that computes in \(plan.precision.rawValue)",
        remedy: "make the plan with precision .\(precision.rawValue)")
    }
    if state.batch != batch || state.layout != plan.layout {
      return RNNError(.usage, "the state is of another plan or batch size",
        remedy: "make it with plan.state(batch: \(batch))")
    }
    let ends = plan.endsInLastStep ? "\(batch) × \(plan.outputSize)" : "\(plan.outputSteps(of: steps, after: state)) × \(batch) × \(plan.outputSize)"
    return RNNError(.usage, "\(count) values in and \(outputCount) out for \(steps) steps",
      remedy: "give \(steps) × \(batch) × \(plan.inputSize) values in and \(ends) out, of 1 step or more")
  }

  /// Where nothing is written: the output of steps of which no window is complete.
  private func nowhere<R: Real>() -> UnsafeMutablePointer<R> {
    UnsafeMutableRawPointer(mutating: engine.inputs[0].base).assumingMemoryBound(to: R.self)
  }

  private func wrongInput(_ expected: String) -> RNNError {
    RNNError(.usage, "the input is \(expected)", remedy: "give it that")
  }

  private func runPieces<R: Real>(
    _ x: UnsafePointer<R>, steps: Int, _ state: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<R>
  ) {
    guard !others.isEmpty else { return runAlone(x, steps: steps, state, y) }
    let features = plan.inputSize
    eachEngine { engine in
      runPieces(engine, steps: steps, state, y) { done, count in
        let source = x + (done * batch + engine.firstRow) * features
        let rows = UnsafeMutableRawPointer(mutating: engine.inputs[0].base).assumingMemoryBound(to: R.self)
        for step in 0..<count {
          (rows + step * engine.batch * features).update(
            from: source + step * batch * features, count: engine.batch * features)
        }
        return (engine.inputs[0].base, features)
      }
    }
  }

  /// All steps on one engine.
  private func runAlone<R: Real>(
    _ x: UnsafePointer<R>, steps: Int, _ state: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<R>
  ) {
    let features = plan.inputSize, size = plan.outputSize
    var done = 0, given = 0
    while done < steps {
      let count = min(engine.maximumSteps, steps - done)
      engine.run(
        UnsafeRawPointer(x + done * batch * features), stride: features, steps: count, active: nil, state: state,
        end: y + (plan.endsInLastStep ? 0 : given * batch) * size)
      done += count
      given += engine.outputSteps
    }
  }

  private func runPieces<R: Real>(
    _ indices: UnsafeBufferPointer<Int>, steps: Int, _ state: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<R>
  ) throws(RNNError) {
    let embeddings = plan.program.embeddings[0]
    // All are looked at before the state is touched.
    for (position, index) in indices.enumerated() {
      for stage in embeddings { try stage.check(index, step: position / batch, row: position % batch) }
    }
    eachEngine { engine in
      let rows = UnsafeMutableRawPointer(mutating: engine.inputs[0].base).assumingMemoryBound(to: Int.self)
      runPieces(engine, steps: steps, state, y) { done, count in
        for row in 0..<count * engine.batch {
          rows[row] = indices[(done + row / engine.batch) * batch + engine.firstRow + row % engine.batch]
        }
        return (engine.inputs[0].base, engine.inputs[0].stride)
      }
    }
  }

  /// Calls `body` for each engine, on threads of their own where there are several.
  @inline(__always)
  private func eachEngine(_ body: (Engine) -> Void) {
    guard let team, !others.isEmpty else { return body(engine) }
    team.run { if $0 <= others.count { body($0 == 0 ? engine : others[$0 - 1]) } }
  }

  /// All steps of an engine's rows. `source` gives those of so many steps from one on, and their stride.
  @inline(__always)
  private func runPieces<R: Real>(
    _ engine: Engine, steps: Int, _ state: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<R>,
    _ source: (_ done: Int, _ count: Int) -> (UnsafeRawPointer, stride: Int)
  ) {
    let size = plan.outputSize
    var done = 0, given = 0
    while done < steps {
      let count = min(engine.maximumSteps, steps - done)
      let (x, stride) = source(done, count)
      let target = y + (plan.endsInLastStep ? 0 : given * batch) * size
      let end = engine.run(x, stride: stride, steps: count, active: nil, state: state)
      let results = end.base.assumingMemoryBound(to: R.self)
      for step in 0..<(plan.endsInLastStep ? 1 : engine.outputSteps) {
        for row in 0..<engine.batch {
          let from = step * engine.batch + row
          (target + (step * batch + engine.firstRow + row) * size).update(
            from: results + (from < end.count ? from : 0) * end.stride, count: size)
        }
      }
      done += count
      given += engine.outputSteps
    }
  }
}

extension EmbeddingStage {
  func check(_ index: Int, step: Int, row: Int) throws(RNNError) {
    guard (0..<module.numEmbeddings).contains(index) else {
      throw RNNError(.badData, place: "input, step \(step), row \(row)",
        "index \(index) is not in the embedding \(module.name), expected 0 to \(module.numEmbeddings - 1)",
        remedy: "correct the input")
    }
  }

  /// Copies the row of a checked index.
  func look<R: Real>(up index: Int, into target: UnsafeMutablePointer<R>) {
    if let scale {
      var factor: R = 0
      scale.copyReals(from: index, count: 1, to: &factor)
      weight.withUnsafeBytes { numbers in
        for feature in 0..<module.embeddingDim {
          target[feature] = factor * R(Int8(bitPattern: numbers[index * module.embeddingDim + feature]))
        }
      }
      return
    }
    weight.copyReals(from: index * module.embeddingDim, count: module.embeddingDim, to: target)
    // NaN is one value in all results, whatever the weights' bits.
    for feature in 0..<module.embeddingDim where target[feature].isNaN { target[feature] = R.nan }
  }
}

extension Plan {
  /// What is thrown where steps come one after another and something needs all of them.
  var notStreamable: RNNError {
    let reason = program.wholeSequence ?? "the model"
    var remedy: Phrase = "run it whole"
    for case .convolution(var module) in architecture.modules
    where module.window.after > 0 && module.padding == .zeros && reason == "the padding of \(module.name)" {
      let late = module.window.after
      module.window.after = 0
      let declaration = "\(ModuleDeclaration.spelled(module.name)) = \(module.construction)"
      remedy += ", or without its last \(late == 1 ? "step" : "\(late) steps"), \(.forward, "\(declaration); …")"
    }
    return RNNError(.usage, "\(reason) needs the whole sequence at once", remedy: remedy)
  }
}
