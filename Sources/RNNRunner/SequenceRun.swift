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
  ///   - keeping: What is wanted of it all. A large batch takes little memory beside what is kept: its rows are run some at
  ///   a time.
  ///   - trace: Given every layer's outputs, piece by piece, on one thread.
  /// - Throws: `RNNError` for an input of the wrong rank, feature count or type, without steps, for an index out of
  ///   range, for lengths or a state that do not fit it.
  public func run(
    _ input: Tensor, state: State? = nil, lengths: [Int]? = nil, isPiece: Bool = false, threads: Int = 1,
    keeping: Keeping = Keeping(), trace: ((LayerTrace) -> Void)? = nil
  ) throws(RNNError) -> Outputs {
    try run(
      [input], state: state, lengths: lengths, isPiece: isPiece, threads: threads, keeping: keeping, trace: trace)
  }

  /// The same for several inputs, in the order of `inputs`; all have as many steps and rows.
  public func run(
    _ inputs: [Tensor], state: State? = nil, lengths: [Int]? = nil, isPiece: Bool = false, threads: Int = 1,
    keeping: Keeping = Keeping(), trace: ((LayerTrace) -> Void)? = nil
  ) throws(RNNError) -> Outputs {
    guard threads >= 1 else { throw RNNError(.usage, "\(threads) threads", remedy: "use 1 or more") }
    let sequence = try SequenceInput(inputs, for: self, isPiece: isStreamable)
    if isPiece && !isStreamable { throw notStreamable }
    try check(lengths, sequence, least: isPiece ? (program.keepsLastStep ? 1 : 0) : isStreamable ? 1 : program.leastLength)
    if let state, state.layout != layout || state.batch != sequence.batch {
      throw RNNError(.usage, place: "state",
        "it is of \(state.batch) rows of \(state.precision.rawValue), or of other modules; "
          + "the input has \(sequence.batch) rows",
        remedy: "make it with state(batch: \(sequence.batch)) of the same plan")
    }
    let shortest = lengths?.min() ?? sequence.steps
    if !isPiece, program.axes.indices.contains(where: { steps(of: $0, in: shortest, after: state) == 0 }) {
      throw RNNError(.badData, place: "input", "\(shortest) steps are too few for every value of the forward to have one",
        remedy: "give sequences of \(program.leastLength) steps or more")
    }
    if let state { try checkEven(state, (0..<sequence.batch).lazy.filter { row in (lengths?[row] ?? 1) > 0 }) }
    return switch precision {
    case .float32: try SequenceRun<Float>(self, sequence, lengths, threads, keeping, trace).run(state)
    case .float64: try SequenceRun<Double>(self, sequence, lengths, threads, keeping, trace).run(state)
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

  /// Rows to take at once, of a batch that has more: as many as make good use of each weight read while what is kept of
  /// them stays in cache, and within `pieceSize` where time only runs forward.
  var tileRows: Int {
    isStreamable ? max(1, min(96, Self.pieceSize / max(RowSizes(self).byteCount(precision), 1))) : 96
  }
}

/// One run of whole sequences.
private struct SequenceRun<R: Real> {
  let plan: Plan
  let sequence: SequenceInput
  let keeping: Plan.Keeping
  let trace: ((LayerTrace) -> Void)?
  /// Which sequence each of the engine's rows is: the longest first, so that those still active come first; nil where
  /// all are equally long.
  let order: [Int]?
  /// For each step, how many sequences reach it.
  let active: [Int]
  let threads: Int

  init(
    _ plan: Plan, _ sequence: SequenceInput, _ lengths: [Int]?, _ threads: Int, _ keeping: Plan.Keeping,
    _ trace: ((LayerTrace) -> Void)?
  ) {
    self.plan = plan
    self.keeping = keeping
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

  /// - Parameter start: Nil for the plan's own for each row.
  func run(_ start: State?) throws(RNNError) -> Outputs {
    let batch = sequence.batch, program = plan.program
    var targets: [Target] = []
    /// Makes a target for a value, unless there is one that will do.
    func target(_ name: String, _ value: Int, _ features: Int) throws(RNNError) -> Tensor {
      let room = keeping.rooms[name]
      if room == nil, let known = targets.first(where: { $0.value == value }) { return known.result.tensor }
      // By the sequences that go on the longest.
      let axis = program.values[value].axis
      let steps = axis.map { plan.steps(of: $0, in: sequence.steps, after: start, row: order?.first ?? 0) }
      let shape = try sequence.outputShape(features, steps: steps)
      let result = try KeptTensor(name, shape, R.precision, in: room)
      targets.append(Target(value: value, axis: axis, steps: steps ?? 1, result: result))
      return result.tensor
    }
    let isNamedOutput = plan.outputs.contains { $0.name == "output" }
    var output: Tensor?
    if let kept = program.kept, keeping.members == nil || keeping.keeps("output") && !isNamedOutput {
      output = try target("output", kept.value, program.values[kept.value].features)
    }
    var results: [NamedTensor] = []
    for (output, value) in zip(plan.outputs, program.outputs) where !plan.isOutputAlone(output, value) {
      let name = output.name ?? "y"
      guard keeping.keeps(name) else { continue }
      results.append(NamedTensor(name, try target(name, value, output.features)))
    }
    let keepsState = keeping.state || plan.stateNames.contains(where: keeping.keeps)
    var last = try State(plan.layout, batch: keepsState ? batch : 0)
    if batch > 0 {
      let team = threads > 1 ? try Team(threads) : nil
      let parts = parts(), memory = keepsState ? try last.makeMutable() : nil
      if let team, batch > 1 {
        let failures = UnsafeMutablePointer<(part: Int, error: RNNError)?>.allocate(capacity: threads)
        failures.initialize(repeating: nil, count: threads)
        defer {
          failures.deinitialize(count: threads)
          failures.deallocate()
        }
        team.run { rank in
          var place = Workplace()
          for part in stride(from: rank, to: parts.count, by: threads) where failures[rank] == nil {
            do throws(RNNError) {
              try run(parts[part], nil, from: start, to: memory, targets, &place)
            } catch {
              failures[rank] = (part, error)
            }
          }
        }
        let first = (0..<threads).compactMap { failures[$0] }.min { $0.part < $1.part }
        if let first { throw first.error }
      } else {
        var place = Workplace()
        for part in parts { try run(part, team, from: start, to: memory, targets, &place) }
      }
    }
    return Outputs(
      output: output, results: results, first: plan.resultName, state: last, names: keeping.members,
      keepsState: keepsState, isBatched: sequence.isBatched)
  }

  /// Rows that are run together, on one thread but where a single row's layers are shared.
  private struct Part {
    /// Numbers of the sequences.
    let rows: [Int]
    /// For each step, how many of the rows reach it; empty where all do.
    let active: [Int]
  }

  /// All rows in one part, or a part for each thread of about the same number of steps; of more rows as many parts as there
  /// are tiles.
  private func parts() -> [Part] {
    let batch = sequence.batch, most = trace == nil ? plan.tileRows : batch
    func part(_ first: Int, _ end: Int) -> Part {
      Part(
        rows: order.map { Array($0[first..<end]) } ?? Array(first..<end),
        active: active.map { min(max($0 - first, 0), end - first) })
    }
    guard batch > 1, batch <= most * threads else {
      return stride(from: 0, to: batch, by: most).map { part($0, min($0 + most, batch)) }
    }
    let total = active.isEmpty ? sequence.steps * batch : active.reduce(0, +)
    var result: [Part] = [], first = 0, done = 0
    while first < batch {
      let left = threads - 1 - result.count
      var end = first
      while end < batch - max(left, 0), end - first < most,
        left <= 0 || end == first || done < total * (result.count + 1) / threads {
        done += active.isEmpty ? sequence.steps : active.count { $0 > end }
        end += 1
      }
      result.append(part(first, end))
      first = end
    }
    return result
  }

  /// Bytes of input and output after which what was read and written is let go: they may be mapped files', of any size.
  private static var forgottenSize: Int { 8 << 20 }

  /// What a thread keeps from one part to the next.
  private struct Workplace {
    var engine: Engine?
    /// Bytes that were read and written and have not been let go.
    var touched = 0
  }

  /// Runs a part from its rows of `start`. Its last states go to the same rows of `memory`, which has the whole batch's.
  private func run(
    _ part: Part, _ team: Team?, from start: State?, to memory: UnsafeMutableRawPointer?, _ targets: [Target],
    _ place: inout Workplace
  ) throws(RNNError) {
    let batch = part.rows.count
    let engine: Engine
    if let known = place.engine, known.batch == batch {
      engine = known
    } else {
      let pieceSteps = plan.pieceSteps(sequence, batch: batch)
      place.engine = nil
      engine = try Engine(
        plan, batch: batch, maximumSteps: plan.isStreamable ? pieceSteps : sequence.steps, gateSteps: pieceSteps,
        team: team)
      place.engine = engine
    }
    var state: State
    if let start { state = try start.rows(part.rows) } else { state = try plan.state(batch: batch) }
    let states = try state.makeMutable()
    var done = 0
    // Of each axis.
    var reached = [Int](repeating: 0, count: plan.program.axes.count)
    while done < sequence.steps {
      let count = min(engine.maximumSteps, sequence.steps - done)
      for number in sequence.tensors.indices { try read(number, part, from: done, count, into: engine.inputs[number]) }
      part.active.withUnsafeBufferPointer { active in
        _ = engine.run(
          engine.inputs[0].base, stride: engine.inputs[0].stride, steps: count,
          active: active.isEmpty ? nil : active.baseAddress.map { $0 + done }, state: states,
          afterLayer: tracer(from: reached))
      }
      for target in targets {
        let axis = target.axis ?? 0
        copy(part, engine, to: target, from: reached[axis], engine.axes[axis].steps)
      }
      for axis in reached.indices { reached[axis] += engine.axes[axis].steps }
      done += count
      forget(count * batch, targets, &place)
    }
    if let memory { state.put(into: memory, batch: sequence.batch, as: part.rows) }
  }

  /// Where the rows of a value go.
  private struct Target {
    let value: Int
    /// The number of its time axis; nil without one.
    let axis: Int?
    /// Steps of that in the whole run.
    let steps: Int
    let result: KeptTensor
  }

  /// Lets go what was read and written, from time to time.
  private func forget(_ rows: Int, _ targets: [Target], _ place: inout Workplace) {
    for tensor in sequence.tensors { place.touched += rows * (tensor.byteCount / (sequence.steps * sequence.batch)) }
    for target in targets where target.axis != nil { place.touched += rows * target.result.features * R.precision.size }
    guard place.touched >= Self.forgottenSize else { return }
    place.touched = 0
    for tensor in sequence.tensors { tensor.forget() }
    for target in targets { target.result.tensor.forget() }
  }

  /// Puts steps of an input into the engine's rows.
  private func read(
    _ number: Int, _ part: Part, from first: Int, _ count: Int, into rows: Engine.Rows
  ) throws(RNNError) {
    let tensor = sequence.tensors[number], features = plan.inputs[number].features, batch = part.rows.count
    let embeddings = plan.program.embeddings[number]
    let base = UnsafeMutableRawPointer(mutating: rows.base)
    for step in 0..<count {
      if embeddings.isEmpty {
        let target = base.assumingMemoryBound(to: R.self) + step * batch * rows.stride
        for (row, run) in runs(part) {
          tensor.copyRows(
            from: sequence.row(step: first + step, sequence: part.rows[row]) * features, count: features, rows: run,
            stride: (sequence.batchFirst ? sequence.steps : 1) * features, to: target + row * rows.stride, rows.stride)
        }
        continue
      }
      for (row, number) in part.rows.enumerated() {
        guard let index = tensor.integer(at: sequence.row(step: first + step, sequence: number)) else {
          throw RNNError(.badData, place: "input, step \(first + step), row \(number)",
            "the index is too large", remedy: "correct the input")
        }
        for stage in embeddings { try stage.check(index, step: first + step, row: number) }
        base.assumingMemoryBound(to: Int.self)[step * batch + row] = index
      }
    }
  }

  /// The part's rows whose sequences follow each other: the first one and how many.
  private func runs(_ part: Part) -> [(first: Int, count: Int)] {
    order == nil ? [(0, part.rows.count)] : part.rows.indices.map { ($0, 1) }
  }

  /// Copies a value's rows into a tensor of the input's layout.
  private func copy(_ part: Part, _ engine: Engine, to target: Target, from first: Int, _ count: Int) {
    let rows = engine.rows(target.value), result = target.result, real = R.precision.size, batch = part.rows.count
    let hasTime = target.axis != nil, steps = hasTime ? min(count, target.steps - first) : 1
    // A value of the model's own is one row for all.
    let stride = rows.count < steps * batch ? 0 : rows.stride
    for step in 0..<max(0, steps) {
      for (row, run) in runs(part) {
        let number = part.rows[row]
        let to = hasTime ? sequence.row(step: first + step, of: target.steps, sequence: number) : number
        let source = Engine.Rows(base: rows.base + (step * batch + row) * stride * real, stride: stride, count: run)
        engine.make(.copy(
          source, count: result.features, to: result.base + to * result.features * real,
          stride: (hasTime && sequence.batchFirst ? target.steps : 1) * result.features))
      }
    }
  }

  private func tracer(from reached: [Int]) -> ((Int, Int, Engine.Rows) -> Void)? {
    guard let trace else { return nil }
    let modules = plan.program.recurrent.map(\.module)
    let axes = plan.program.steps.compactMap { step in
      if case .recurrent = step.operation { plan.program.values[step.value].axis } else { nil }
    }
    return { module, layer, rows in
      let first = reached[axes.indices.contains(module) ? axes[module] : 0]
      let features = modules[module].outputSize, batch = sequence.batch
      let source = rows.base.assumingMemoryBound(to: R.self)
      let values = Shape([rows.count / max(batch, 1), batch, features]).flatMap { shape in
        Tensor(R.precision.elementType, shape) { bytes in
          let target = bytes.assumingMemoryBound(to: R.self)
          for row in 0..<rows.count {
            let to = (row / batch * batch + (order.map { $0[row % batch] } ?? row % batch)) * features
            for feature in 0..<features { target[to + feature] = source[row * rows.stride + feature] }
          }
        }
      }
      if let values {
        trace(LayerTrace(module: modules[module].name, layer: layer, firstStep: first, values: values))
      }
    }
  }
}
