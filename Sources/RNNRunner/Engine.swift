import CRNNKernels
import RNNModel

/// A plan's operations over buffers of a fixed size: rows (step·batch + row) in, rows out, the state updated in place.
///
/// Running allocates nothing and, without a team, takes no lock. With a team every thread goes through the same list of
/// operations, takes its part of each, and waits for the others where the next one needs the whole.
final class Engine {
  /// What one operation does; plain values, so that walking the list touches no reference counts.
  enum Operation {
    case layer(LayerOperation)
    case lastStep(LastStepOperation)
    case linear(LinearOperation)
  }

  struct LayerOperation {
    /// The forward direction's; the reverse one's follows.
    var layers: UnsafePointer<rnnkit_layer>
    var directions: Int
    /// Whether the first direction is the reverse one.
    var startsReverse: Bool
    /// Bytes before h and c of the first direction, and from one direction's to the next one's.
    var h: Int
    var c: Int
    var nextDirection: Int
    var hStride: Int
    var cStride: Int
    /// Size of one direction's h.
    var stateSize: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
    var module: Int
    var number: Int
  }

  /// The last step's output from the states: the forward h at the sequence's end, the reverse one at its start.
  struct LastStepOperation {
    var directions: Int
    var h: Int
    var nextDirection: Int
    var hStride: Int
    var stateSize: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
  }

  struct LinearOperation {
    var matrix: UnsafePointer<rnnkit_matrix>
    var bias: UnsafeRawPointer
    var activation: rnnkit_activation
    var count: Int
    var target: UnsafeMutableRawPointer
    var targetStride: Int
  }

  /// Rows of reals in a buffer.
  struct Rows {
    var base: UnsafeRawPointer
    var stride: Int
    var count: Int
  }

  let plan: Plan
  let batch: Int
  let firstRow: Int
  let maximumSteps: Int
  /// Where input may be put; `inputStride` reals a row.
  let input: UnsafeMutableRawPointer
  let inputStride: Int
  /// Rows of the last recurrent layer's output, every step's; nil without a recurrent module.
  private(set) var output: Rows?
  /// Whether the chain's end can be put where the caller wants it.
  let placesEnd: Bool
  /// In memory of its own, so that going through them counts no references.
  private let operations: UnsafeMutableBufferPointer<Operation>
  private let kernels: rnnkit_operations
  private let real: Int
  private let gates: AlignedMemory
  private let gateSteps: Int
  private let scratch: AlignedMemory
  private let scratchStride: Int
  private let memory: [AlignedMemory]
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
    var strides: [Int] = [], gates = 0, hidden = 0
    for stage in plan.stages {
      switch stage {
      case .embedding: break
      case .recurrent(let stage):
        strides.append(precision.stride(stage.module.outputSize))
        gates = max(gates, stage.gates)
        hidden = max(hidden, stage.module.hiddenSize)
      case .linear(let stage): strides.append(stage.stride)
      }
    }
    let features: Int
    if case .embedding(let stage) = plan.stages.first {
      features = stage.module.embeddingDim
    } else {
      features = plan.inputSize
    }
    let widest = strides.max() ?? 0
    inputStride = precision.stride(features)
    let inputMemory = try AlignedMemory(reals: product(rows, inputStride), precision)
    let even = try AlignedMemory(reals: product(rows, widest), precision)
    let odd = try AlignedMemory(reals: product(rows, widest), precision)
    let lastRecurrent = plan.stages.lastIndex { if case .recurrent = $0 { true } else { false } }
    let kept: AlignedMemory?
    if let lastRecurrent, case .recurrent(let stage) = plan.stages[lastRecurrent] {
      let stride = precision.stride(stage.module.outputSize)
      let memory = try AlignedMemory(reals: product(rows, stride), precision)
      kept = memory
      output = Rows(base: UnsafeRawPointer(memory.base), stride: stride, count: rows)
    } else {
      kept = nil
      output = nil
    }
    self.gateSteps = min(gateSteps, maximumSteps)
    self.gates = try AlignedMemory(reals: product(self.gateSteps, batch, gates), precision)
    scratchStride = precision.stride(hidden)
    scratch = try AlignedMemory(reals: product(batch, scratchStride), precision)
    input = inputMemory.base
    memory = [inputMemory, even, odd] + (kept.map { [$0] } ?? [])

    var operations: [Operation] = []
    var turn = 0
    func nextTarget() -> UnsafeMutableRawPointer {
      turn += 1
      return turn % 2 == 0 ? even.base : odd.base
    }
    var moduleIndex = 0
    for (index, stage) in plan.stages.enumerated() {
      switch stage {
      case .embedding: break
      case .recurrent(let stage):
        let module = stage.module, states = layout.modules[moduleIndex], directions = module.directionCount
        let stride = precision.stride(module.outputSize)
        for layer in 0..<module.numLayers {
          let isLast = index == lastRecurrent && layer == module.numLayers - 1
          operations.append(
            .layer(
              LayerOperation(
                layers: UnsafePointer(stage.layers + layer * directions), directions: directions,
                startsReverse: stage.isReverse(0),
                h: (states.h(layer * directions, batch: stateBatch) + firstRow * states.hStride) * size,
                c: (states.c(layer * directions, batch: stateBatch) + firstRow * states.cStride) * size,
                nextDirection: states.blockStride * stateBatch * size,
                hStride: states.hStride, cStride: states.cStride, stateSize: module.stateSize,
                target: isLast ? kept?.base ?? even.base : nextTarget(), targetStride: stride, module: moduleIndex,
                number: layer)))
        }
        if !module.returnsSequence {
          operations.append(
            .lastStep(
              LastStepOperation(
                directions: directions,
                h: (states.h((module.numLayers - 1) * directions, batch: stateBatch) + firstRow * states.hStride) * size,
                nextDirection: states.blockStride * stateBatch * size, hStride: states.hStride,
                stateSize: module.stateSize,
                target: nextTarget(), targetStride: stride)))
        }
        moduleIndex += 1
      case .linear(let stage):
        operations.append(
          .linear(
            LinearOperation(
              matrix: UnsafePointer(stage.matrix), bias: UnsafeRawPointer(stage.bias.base),
              activation: stage.module.activation.kernel, count: stage.module.outFeatures, target: nextTarget(),
              targetStride: stage.stride)))
      }
    }
    if case .layer(let last) = operations.last {
      placesEnd = last.directions == 1 && !last.startsReverse
    } else {
      placesEnd = false
    }
    self.plan = plan
    self.batch = batch
    self.firstRow = firstRow
    self.maximumSteps = maximumSteps
    self.operations = .allocate(capacity: operations.count)
    _ = self.operations.initialize(from: operations)
    self.team = team
    kernels = plan.operations.pointee
    real = size
  }

  deinit {
    operations.deinitialize()
    operations.deallocate()
  }

  /// Runs `steps` steps of rows `x`, at most `maximumSteps`. Returns the rows that the chain ends in.
  ///
  /// - Parameters:
  ///   - active: For each step, how many rows from the first it concerns; nil for all.
  ///   - state: Laid out as `plan.layout` says.
  ///   - end: Where the chain's end goes, rows without a gap between them, only if `placesEnd`; nil for memory of the
  ///   engine's.
  ///   - afterLayer: Told the module's and the layer's number and its output's rows.
  func run(
    _ x: UnsafeRawPointer, stride: Int, steps: Int, active: UnsafePointer<Int>?, state: UnsafeMutableRawPointer,
    end: UnsafeMutableRawPointer? = nil, afterLayer: ((Int, Int, Rows) -> Void)? = nil
  ) -> Rows {
    guard let team else { return run(x, stride, steps, active, state, end, afterLayer, Share()) }
    var last = Rows(base: x, stride: stride, count: 0)
    team.run { rank in
      let rows = run(
        x, stride, steps, active, state, end, afterLayer, Share(rank: rank, count: team.count, barrier: team.barrier))
      if rank == 0 { last = rows }
    }
    return last
  }

  /// A thread's share of the work.
  private struct Share {
    var rank = 0
    var count = 1
    var barrier: UnsafeMutablePointer<rnnkit_barrier>?

    func wait() {
      if let barrier { rnnkit_wait(barrier) }
    }

    /// Its part of so many things.
    func part(of total: Int) -> Range<Int> { rank * total / count..<(rank + 1) * total / count }
  }

  private func run(
    _ x: UnsafeRawPointer, _ stride: Int, _ steps: Int, _ active: UnsafePointer<Int>?,
    _ state: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer?, _ afterLayer: ((Int, Int, Rows) -> Void)?,
    _ share: Share
  ) -> Rows {
    var rows = Rows(base: x, stride: stride, count: steps * batch)
    for index in 0..<operations.count {
      switch operations[index] {
      case .layer(var layer):
        if let end, index == operations.count - 1 {
          layer.target = end
          layer.targetStride = layer.stateSize
        }
        for direction in 0..<layer.directions {
          run(layer, direction, rows, steps: steps, active: active, state: state, share)
        }
        rows.base = UnsafeRawPointer(layer.target)
        rows.stride = layer.targetStride
        if share.rank == 0 { afterLayer?(layer.module, layer.number, rows) }
      case .lastStep(let last):
        for row in share.rank == 0 ? 0..<batch : 0..<0 {
          for direction in 0..<last.directions {
            (last.target + (row * last.targetStride + direction * last.stateSize) * real).copyMemory(
              from: state + last.h + direction * last.nextDirection + row * last.hStride * real,
              byteCount: last.stateSize * real)
          }
        }
        share.wait()
        rows = Rows(base: UnsafeRawPointer(last.target), stride: last.targetStride, count: batch)
      case .linear(let linear):
        let part = share.part(of: rows.count)
        let target = linear.target + part.lowerBound * linear.targetStride * real
        kernels.multiply(
          linear.matrix, rows.base + part.lowerBound * rows.stride * real, rows.stride, part.count, linear.bias, 0,
          target, linear.targetStride)
        kernels.activate(linear.activation, target, linear.count, part.count, linear.targetStride)
        share.wait()
        rows.base = UnsafeRawPointer(linear.target)
        rows.stride = linear.targetStride
      }
    }
    return rows
  }

  /// One direction of a layer, so many steps at once as the gates' buffer holds.
  private func run(
    _ operation: LayerOperation, _ direction: Int, _ x: Rows, steps: Int, active: UnsafePointer<Int>?,
    state: UnsafeMutableRawPointer, _ share: Share
  ) {
    let layer = operation.layers + direction
    let reverse = direction == 1 || operation.startsReverse
    let isShared = share.count > 1 && Team.isWorthSharing(layer)
    guard isShared || share.rank == 0 else { return share.wait() }
    var piece = rnnkit_piece()
    piece.batch = batch
    piece.reverse = reverse
    piece.gates = gates.base
    piece.h = state + operation.h + direction * operation.nextDirection
    piece.h_stride = operation.hStride
    piece.c = state + operation.c + direction * operation.nextDirection
    piece.c_stride = operation.cStride
    piece.output_stride = operation.targetStride
    piece.scratch = scratch.base
    piece.scratch_stride = scratchStride
    var input = layer.pointee.input
    var firstGate = 0
    if isShared {
      // The groups of both products are of the same units.
      let groups = share.part(of: input.groups)
      piece.barrier = share.barrier
      piece.first_group = groups.lowerBound
      piece.end_group = groups.upperBound
      let vector = Int(plan.precision.lanes) * real
      let weights = input.kept == RNNKIT_REALS ? vector : vector / 2
      input.weights += groups.lowerBound * input.inner * input.panels * weights
      input.groups = groups.count
      firstGate = groups.lowerBound * input.pitch * vector
    }
    var done = 0
    while done < steps {
      let count = min(gateSteps, steps - done)
      let first = reverse ? steps - done - count : done
      let source = x.base + first * batch * x.stride * real
      if !isShared, takesInput(layer, batch: batch, steps: count) {
        piece.input = source
        piece.input_stride = x.stride
      } else {
        piece.input = nil
        kernels.multiply(
          &input, source, x.stride, count * batch, layer.pointee.bias + firstGate, 0, gates.base + firstGate,
          layer.pointee.gates)
      }
      piece.steps = count
      piece.active = active.map { $0 + first }
      let output = first * batch * operation.targetStride + direction * operation.stateSize
      piece.output = operation.target + output * real
      // Past the very last row there may be memory of somebody else's.
      piece.whole_rows = operation.directions == 1 ? count * batch - (done + count == steps ? 1 : 0) : 0
      kernels.run(layer, &piece)
      if isShared { share.wait() }
      done += count
    }
    share.wait()
  }
}

/// Whether the recurrent kernels are to make the input's product too: where they can and it is small.
private func takesInput(_ layer: UnsafePointer<rnnkit_layer>, batch: Int, steps: Int) -> Bool {
  let isSmall = rnnkit_is_small(layer), inner = layer.pointee.input.inner
  guard batch == 1 || isSmall, steps == 1 || inner <= (isSmall ? 16 : 2) else { return false }
  return rnnkit_is_fused(layer) && layer.pointee.input.kept == RNNKIT_REALS
    && layer.pointee.recurrent.kept == RNNKIT_REALS
}
