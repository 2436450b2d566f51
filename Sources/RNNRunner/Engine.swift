import CRNNKernels
import RNNModel

/// A plan's operations over buffers of a fixed size: rows (step·batch + row) in, rows out, the state updated in place.
///
/// Running allocates nothing and, without a team, takes no lock. With a team every thread goes through the same list of
/// operations, takes its part of each, and waits for the others where the next one needs the whole.
final class Engine {
  /// What one operation does; plain values behind pointers, so that walking the list copies nothing and touches no
  /// reference counts.
  enum Operation {
    case layer(UnsafePointer<LayerOperation>)
    case state(UnsafePointer<StateOperation>)
    case linear(UnsafePointer<LinearOperation>)
    case step(UnsafePointer<StepOperation>)
  }

  struct LayerOperation {
    /// The forward direction's; the reverse one's follows.
    var layers: UnsafePointer<rnnkit_layer>
    /// What each direction's kernel is called with, kept from run to run; those of the next thread are `pieceCount` further.
    var pieces: UnsafeMutablePointer<rnnkit_piece>
    var directions: Int
    /// Bytes before h and c of the first direction, and from one direction's to the next one's.
    var h: Int
    var c: Int
    var nextDirection: Int
    /// Size of one direction's h.
    var stateSize: Int
    /// In rows of h without a gap, how many of the last ones do not have room for whole vectors.
    var narrowRows: Int
    /// Whether `rnnkit_is_small`.
    var isSmall: Bool
    /// Whether the kernels can make the input's product too, and whether it is small enough for that at many steps.
    var canTakeInput: Bool
    var hasSmallInput: Bool
    /// Numbers of the values that it takes and gives.
    var source: Int
    var value: Int
    /// The number of their time axis.
    var axis: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
    var module: Int
    var number: Int
    /// Layers, this one the first, whose steps are best run in turn.
    var inTurn = 1

    func takesInput(of steps: Int) -> Bool { canTakeInput && (steps == 1 || hasSmallInput) }
  }

  /// A block of a recurrent module's state, as a value: where time runs forward, h at each sequence's last step.
  struct StateOperation {
    /// Bytes before the block, reals from one row to the next, and in a row.
    var start: Int
    var stride: Int
    var count: Int
    var value: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
  }

  struct LinearOperation {
    var matrix: UnsafePointer<rnnkit_matrix>
    var isNarrow: Bool
    var bias: UnsafeRawPointer
    var activation: rnnkit_activation
    var count: Int
    var source: Int
    var value: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
  }

  /// Rows of reals in a buffer.
  struct Rows {
    // The first member, which a recording keeps up.
    var base: UnsafeRawPointer
    var stride: Int
    var count: Int
  }

  let plan: Plan
  let batch: Int
  let firstRow: Int
  let maximumSteps: Int
  /// Where each input may be put: rows of reals, or one `Int` a row for an embedding's index.
  let inputs: [Rows]
  /// In memory of its own, so that going through them counts no references.
  let operations: UnsafeMutableBufferPointer<Operation>
  let kernels: rnnkit_operations
  let real: Int
  let gateSteps: Int
  let gates: UnsafeMutableRawPointer
  /// The values' rows, by their numbers, and those of the next thread `valueCount` further.
  private let values: UnsafeMutablePointer<Rows>
  private let valueCount: Int
  /// The numbers of the inputs' values but for the first one's.
  private let otherInputs: Range<Int>
  /// Features of each value.
  private let features: UnsafeMutablePointer<Int>
  /// The program's time axes in the run.
  let axes: UnsafeMutablePointer<Axis>
  private(set) var windows: [WindowOperation] = []
  let embeddings: [EmbeddingStage]
  private let memory: [AlignedMemory]
  /// One for each direction of each layer, in order, and that for each thread.
  private let pieces: UnsafeMutablePointer<rnnkit_piece>
  let pieceCount: Int
  /// Bytes of the state.
  private let stateSize: Int
  let recording: Recording
  /// The number of the first output's value.
  private let output: Int
  private let team: Team?

  /// - Parameters:
  ///   - batch: Rows of the state that are run, from `firstRow` on, of `stateBatch` in all; nil where they are all.
  ///   - gateSteps: For how many steps at once inputs are multiplied.
  ///   - team: Threads to share the units of large layers among, for a batch of one row.
  init(
    _ plan: Plan, batch: Int, firstRow: Int = 0, of stateBatch: Int? = nil, maximumSteps: Int, gateSteps: Int,
    team: Team? = nil
  ) throws(RNNError) {
    let stateBatch = stateBatch ?? batch
    let precision = plan.precision, layout = plan.layout
    let size = precision.size
    let rows = try product(maximumSteps, batch)
    kernels = plan.operations.pointee
    let program = plan.program
    var hidden = 0, mostInTurn = 1, pieceCount = 0
    for stage in program.recurrent {
      hidden = max(hidden, stage.module.hiddenSize)
      mostInTurn = max(mostInTurn, Self.layersInTurn(stage, batch: batch, kernels, precision))
      pieceCount += stage.layerCount
    }
    let sizes = RowSizes(plan)
    var inputMemory: [AlignedMemory] = []
    for stride in sizes.inputs {
      inputMemory.append(
        stride == 0
          ? try AlignedMemory(byteCount: product(rows, MemoryLayout<Int>.stride))
          : try AlignedMemory(reals: product(rows, stride), precision))
    }
    inputs = zip(inputMemory, sizes.inputs).map { memory, stride in
      Rows(base: UnsafeRawPointer(memory.base), stride: stride, count: rows)
    }
    // With one stride: layers run in turn write a row of a buffer that is the input's of another layer, which has read
    // the same row before.
    var slots: [AlignedMemory] = []
    let mostSteps = program.axes.reduce(maximumSteps) { max($0, $1.steps(of: maximumSteps)) }, mostRows = try product(mostSteps, batch)
    for _ in 0..<program.slotCount { slots.append(try AlignedMemory(reals: product(mostRows, program.slotStride), precision)) }
    let kept: AlignedMemory?
    if let stride = sizes.kept { kept = try AlignedMemory(reals: product(mostRows, stride), precision) } else { kept = nil }
    self.gateSteps = min(gateSteps, maximumSteps)
    let gateRows = try max(product(self.gateSteps, batch), mostInTurn > 1 ? mostInTurn * Self.stepsInTurn : 0)
    let gates = try AlignedMemory(reals: product(gateRows, sizes.gates), precision)
    let scratchStride = precision.stride(hidden)
    let scratch = try AlignedMemory(reals: product(batch, scratchStride), precision)
    var work: [AlignedMemory] = []
    for (number, window) in program.windows.enumerated() {
      let memory = try AlignedMemory(reals: window.stage.scratchCount(precision), precision)
      let active = try AlignedMemory(byteCount: product(mostSteps, MemoryLayout<Int>.stride))
      let context = layout.contexts.isEmpty ? nil : layout.contexts[number]
      windows.append(WindowOperation(
        stage: window.stage,
        context: context.map { (($0.start * stateBatch + firstRow * $0.stride) * size, $0.stride * size) },
        source: window.source, target: window.target, scratch: memory.base, active: active.base.assumingMemoryBound(to: Int.self)))
      work += [memory, active]
    }
    axes = .allocate(capacity: program.axes.count)
    axes.initialize(repeating: Axis(), count: program.axes.count)

    var common = rnnkit_piece()
    common.batch = batch
    common.scratch = scratch.base
    common.scratch_stride = scratchStride
    let threads = team?.count ?? 1
    pieces = .allocate(capacity: pieceCount * threads)
    pieces.initialize(repeating: common, count: pieceCount * threads)
    var operations: [Operation] = []
    var piece = 0
    var embeddings: [EmbeddingStage] = []
    func target(_ value: Int) -> (base: UnsafeMutableRawPointer, stride: Int) {
      switch program.values[value].place {
      case .slot(let slot): (slots[slot].base, program.slotStride)
      case .kept, .none, .constant: (kept?.base ?? gates.base, program.kept?.stride ?? 0)
      }
    }
    for step in program.steps {
      func append(_ kind: StepOperation.Kind) {
        let inputs = UnsafeMutablePointer<Int>.allocate(capacity: max(step.inputs.count, 1))
        _ = UnsafeMutableBufferPointer(start: inputs, count: step.inputs.count).initialize(from: step.inputs)
        let target = target(step.value)
        operations.append(.step(placed(StepOperation(
          kind: kind, inputs: UnsafePointer(inputs), inputCount: step.inputs.count, value: step.value,
          axis: step.inputs.lazy.compactMap { program.values[$0].axis }.first ?? 0,
          hasTime: step.inputs.contains { program.values[$0].axis != nil }, keepsTime: program.values[step.value].axis != nil, count: program.values[step.value].features, target: target.base, targetStride: target.stride))))
      }
      switch step.operation {
      case .embedding(let stage):
        append(.embedding(embeddings.count))
        embeddings.append(stage)
      case .recurrent(let stage, let moduleIndex, let between):
        let module = stage.module, states = layout.modules[moduleIndex], directions = module.directionCount
        let given = between + [step.value]
        let inTurn = team == nil && maximumSteps > 1 ? Self.layersInTurn(stage, batch: batch, kernels, precision) : 1
        for layer in 0..<module.numLayers {
          let target = target(given[layer])
          let kernel = stage.layers + layer * directions
          // Of both directions, which may have different activations.
          let isSmall = (0..<directions).allSatisfy { rnnkit_is_small(kernel + $0) }
          let canTake = (batch == 1 || isSmall)
            && (0..<directions).allSatisfy {
              rnnkit_is_fused(kernel + $0) && kernel[$0].input.kept == RNNKIT_REALS
                && kernel[$0].recurrent.kept == RNNKIT_REALS
            }
          for rank in 0..<threads {
            for direction in 0..<directions {
              let place = pieces + rank * pieceCount + piece + direction
              place.pointee.reverse = stage.isReverse(direction)
              place.pointee.h_stride = states.hStride
              place.pointee.c_stride = states.cStride
              place.pointee.end_group = kernel[direction].input.groups
              if let team, Team.isWorthSharing(kernel + direction) {
                // The groups of both products are of the same units; those that lie side by side stay together.
                let together = kernel[direction].recurrent.together
                let part = Share(rank: rank, count: threads).part(of: kernel[direction].input.groups / together)
                place.pointee.first_group = part.lowerBound * together
                place.pointee.end_group = part.upperBound * together
                place.pointee.barrier = team.barrier
              }
            }
          }
          let operation = LayerOperation(
            layers: UnsafePointer(kernel), pieces: pieces + piece, directions: directions,
            h: (states.h(layer * directions, batch: stateBatch) + firstRow * states.hStride) * size,
            c: (states.c(layer * directions, batch: stateBatch) + firstRow * states.cStride) * size,
            nextDirection: states.blockStride * stateBatch * size, stateSize: module.stateSize,
            narrowRows: (precision.wholeVectors(module.stateSize) - 1) / module.stateSize, isSmall: isSmall,
            canTakeInput: canTake, hasSmallInput: kernel.pointee.input.inner <= (isSmall ? 16 : 2),
            source: layer == 0 ? step.inputs[0] : given[layer - 1], value: given[layer],
            axis: program.values[step.value].axis ?? 0, target: target.base,
            targetStride: target.stride, module: moduleIndex, number: layer, inTurn: layer % inTurn == 0 ? min(inTurn, module.numLayers - layer) : 1)
          operations.append(.layer(placed(operation)))
          piece += directions
        }
      case .linear(let stage, let activation):
        let target = target(step.value)
        operations.append(.linear(placed(LinearOperation(
          matrix: UnsafePointer(stage.matrix), isNarrow: stage.isNarrow, bias: UnsafeRawPointer(stage.bias.base), activation: activation,
          count: stage.module.outFeatures, source: step.inputs[0], value: step.value, target: target.base,
          targetStride: target.stride))))
      case .state(let module, let kind, let block):
        let states = layout.modules[module], target = target(step.value)
        let start = kind == .hn ? states.h(block, batch: stateBatch) : states.c(block, batch: stateBatch)
        let stride = kind == .hn ? states.hStride : states.cStride
        operations.append(.state(placed(StateOperation(
          start: (start + firstRow * stride) * size, stride: stride,
          count: kind == .hn ? states.stateSize : states.hiddenSize, value: step.value, target: target.base,
          targetStride: target.stride))))
      case .activation(let activation): append(.activation(activation))
      case .arithmetic(let kind): append(.arithmetic(kind))
      case .last: append(.last)
      case .at(let position): append(.at(position))
      case .flip: append(.flip)
      case .norm(let stage): append(.norm(UnsafePointer(stage.norm), isOfSequence: stage.isOfSequence))
      case .overTime(let function): append(.overTime(function))
      case .repeated: append(.repeated)
      case .attend(let attention):
        let features = program.values[step.inputs[0]].features
        let memory = try AlignedMemory(reals: product(features / attention.heads + mostSteps, Int(RNNKIT_QUERIES)), precision)
        work.append(memory)
        append(.attend(heads: attention.heads, scale: attention.factor(features), scratch: memory.base))
      case .window(_, let number): append(.window(number))
      case .across(let function, let window, let channels):
        let memory = try AlignedMemory(reals: product(window.size, channels), precision)
        work.append(memory)
        append(.across(function, window, channels: channels, scratch: memory.base))
      case .interleave(let parts): append(.interleave(parts))
      case .concatenate: append(.concatenate)
      case .view(let first): append(.view(first))
      }
    }
    memory = inputMemory + slots + [gates, scratch] + (kept.map { [$0] } ?? []) + work
    valueCount = program.values.count
    otherInputs = 1..<max(inputs.count, 1)
    values = .allocate(capacity: valueCount * threads)
    values.initialize(repeating: Rows(base: UnsafeRawPointer(gates.base), stride: 0, count: 0), count: valueCount * threads)
    features = .allocate(capacity: valueCount)
    for (number, value) in program.values.enumerated() {
      (features + number).initialize(to: value.features)
      guard case .constant(let memory) = value.place else { continue }
      for rank in 0..<threads {
        values[rank * valueCount + number] = Rows(base: UnsafeRawPointer(memory.base), stride: 0, count: 1)
      }
    }
    self.embeddings = embeddings
    output = program.outputs.first ?? 0
    self.plan = plan
    self.batch = batch
    self.firstRow = firstRow
    self.maximumSteps = maximumSteps
    self.operations = .allocate(capacity: operations.count)
    _ = self.operations.initialize(from: operations)
    self.team = team
    // Two for an operation or a direction, those of values joined or computed step by step, and the output's.
    let calls = 2 * (operations.count + pieceCount) + program.steps.reduce(16) { $0 + $1.inputs.count }
    recording = Recording(kernels, calls: calls, addresses: 3 * calls + 4 * pieceCount + valueCount)
    stateSize = try product(layout.count, stateBatch, size)
    self.gates = gates.base
    self.pieceCount = pieceCount
    real = size
  }

  deinit {
    recording.deallocate()
    axes.deallocate()
    pieces.deallocate()
    values.deallocate()
    features.deallocate()
    for operation in operations {
      switch operation {
      case .layer(let layer): layer.deallocate()
      case .state(let state): state.deallocate()
      case .linear(let linear): linear.deallocate()
      case .step(let step):
        step.pointee.inputs.deallocate()
        step.deallocate()
      }
    }
    operations.deallocate()
  }

  /// Runs `steps` steps, at most `maximumSteps`, of rows `x` and of those that the other inputs' buffers hold. Returns the
  /// rows of the first output.
  ///
  /// - Parameters:
  ///   - active: For each step, how many rows from the first it concerns; nil for all.
  ///   - state: Laid out as `plan.layout` says.
  ///   - end: Where the first output goes too, rows without a gap between them; it may be all that gets it. Nil for memory
  ///   of the engine's alone.
  ///   - afterLayer: Told the module's and the layer's number and its output's rows.
  @discardableResult
  func run(
    _ x: UnsafeRawPointer, stride: Int, steps: Int, active: UnsafePointer<Int>?, state: UnsafeMutableRawPointer,
    end: UnsafeMutableRawPointer? = nil, afterLayer: ((Int, Int, Rows) -> Void)? = nil
  ) -> Rows {
    if active == nil, afterLayer == nil, recording.repeat(steps: steps, stride: stride, x, state, end) {
      return values[output]
    }
    if let team {
      team.run { rank in
        run(x, stride, steps, active, state, end, afterLayer, Share(rank: rank, count: team.count, barrier: team.barrier))
      }
      if let end { copyOutput(to: end) }
    } else if active == nil, afterLayer == nil {
      recording.begin(
        steps: steps, stride: stride, x, size: ((steps * batch - 1) * stride + plan.inputSize) * real, state: state,
        size: stateSize, end: end, size: steps * batch * plan.outputSize * real)
      run(x, stride, steps, nil, state, end, nil, Share())
      if let end { copyOutput(to: end) }
      recording.end(values, count: valueCount)
    } else {
      recording.doNotRecord()
      run(x, stride, steps, active, state, end, afterLayer, Share())
      if let end { copyOutput(to: end) }
    }
    return values[output]
  }

  /// Copies the first output's rows where the caller wants them, if they are not there yet.
  private func copyOutput(to end: UnsafeMutableRawPointer) {
    var rows = values[output]
    if rows.base == UnsafeRawPointer(end), rows.stride == plan.outputSize { return }
    let count = outputRows
    // A value of the model's own is one row for all.
    if rows.count < count { rows.stride = 0 }
    rows.count = count
    make(.copy(rows, count: plan.outputSize, to: end, stride: plan.outputSize))
  }

  /// Steps that the last run gave of the first output.
  var outputSteps: Int { axes[plan.program.values[output].axis ?? 0].steps }

  /// Rows of them, or of the first output where that has no time axis.
  var outputRows: Int { plan.endsInLastStep ? batch : outputSteps * batch }

  /// The rows that the last run left of a value, by its number.
  func rows(_ value: Int) -> Rows { values[value] }

  private func run(
    _ x: UnsafeRawPointer, _ stride: Int, _ steps: Int, _ active: UnsafePointer<Int>?,
    _ state: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer?, _ afterLayer: ((Int, Int, Rows) -> Void)?,
    _ share: Share
  ) {
    let values = values + share.rank * valueCount, count = steps * batch
    // The rows of the last operation, or else of the first input, are not read back from memory.
    var rows = Rows(base: x, stride: stride, count: count), current = 0
    values[0] = rows
    if share.rank == 0 { axes[0] = Axis(steps: steps, active: active) }
    // Only windows make another axis, and no team runs those.
    let hasAxes = !windows.isEmpty
    for number in otherInputs {
      values[number] = Rows(base: inputs[number].base, stride: inputs[number].stride, count: count)
    }
    var index = 0
    while index < operations.count {
      defer { index += 1 }
      switch operations[index] {
      case .layer(let layer):
        let axis = hasAxes ? axes[layer.pointee.axis] : Axis(steps: steps, active: active)
        let (steps, active, count) = (axis.steps, axis.active, axis.steps * batch)
        guard steps > 0 else {
          values[layer.pointee.value] = Rows(base: UnsafeRawPointer(layer.pointee.target), stride: layer.pointee.targetStride, count: 0)
          current = -1
          continue
        }
        if layer.pointee.source != current { rows = values[layer.pointee.source] }
        // Who looks at a layer's output wants all of it at once.
        let inTurn = afterLayer == nil && steps > 1 ? layer.pointee.inTurn : 1
        if inTurn > 1 {
          index += inTurn - 1
          guard case .layer(let last) = operations[index] else { continue }
          rows = runInTurn(index - inTurn + 1, inTurn, rows, steps: steps, active: active, state: state, end: end)
          current = last.pointee.value
          values[current] = rows
          continue
        }
        let target = target(of: layer, index, end)
        for direction in 0..<layer.pointee.directions {
          run(layer, direction, rows, to: target, steps: steps, active: active, state: state, share)
        }
        rows = Rows(base: UnsafeRawPointer(target.base), stride: target.stride, count: count)
        current = layer.pointee.value
        values[current] = rows
        if share.rank == 0 { afterLayer?(layer.pointee.module, layer.pointee.number, rows) }
      case .state(let block):
        let block = block.pointee
        if share.rank == 0 {
          let source = Rows(base: state + block.start, stride: block.stride, count: batch)
          make(.copy(source, count: block.count, to: block.target, stride: block.targetStride))
        }
        share.wait()
        values[block.value] = Rows(base: UnsafeRawPointer(block.target), stride: block.targetStride, count: batch)
      case .linear(let linear):
        let linear = linear.pointee
        if linear.source != current { rows = values[linear.source] }
        let part = share.part(of: rows.count)
        let source = Rows(
          base: rows.base + part.lowerBound * rows.stride * real, stride: rows.stride, count: part.count)
        var (target, stride) = (linear.target, linear.targetStride)
        if linear.isNarrow {
          let isDone = linear.activation.function == RNNKIT_IDENTITY
          // One row may stand for all of them.
          let wanted = hasAxes ? outputRows : plan.endsInLastStep ? batch : count
          if isDone, let end, index == operations.count - 1, linear.value == output, rows.count == wanted {
            (target, stride) = (end, linear.count)
          }
          let place = target + part.lowerBound * stride * real
          make(.multiplyNarrow(linear.matrix, source, from: linear.bias, count: linear.count, to: place, stride: stride))
          if !isDone { make(.activate(linear.activation, place, count: linear.count, rows: part.count, stride: stride)) }
        } else {
          let place = target + part.lowerBound * stride * real
          make(.multiply(linear.matrix, source, from: linear.bias, to: place, stride: stride))
          make(.activate(linear.activation, place, count: linear.count, rows: part.count, stride: stride))
        }
        share.wait()
        rows = Rows(base: UnsafeRawPointer(target), stride: stride, count: rows.count)
        current = linear.value
        values[current] = rows
      case .step(let step):
        guard hasAxes else {
          run(step, values, features, steps: steps, active: active, isFirst: share.rank == 0)
          share.wait()
          continue
        }
        let axis = axes[step.pointee.axis]
        if case .window(let number) = step.pointee.kind {
          values[step.pointee.value] = run(windows[number], step.pointee, values[step.pointee.inputs[0]], state)
        } else if axis.steps > 0 || !step.pointee.hasTime {
          run(step, values, features, steps: axis.steps, active: axis.active, isFirst: true)
        } else {
          // No step yet: what was kept of the last one stays.
          values[step.pointee.value] = Rows(
            base: UnsafeRawPointer(step.pointee.target), stride: step.pointee.targetStride, count: step.pointee.keepsTime ? 0 : batch)
        }
      }
    }
  }
}

/// A value in memory of its own.
private func placed<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value> {
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  pointer.initialize(to: value)
  return UnsafePointer(pointer)
}
