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
    case lastStep(UnsafePointer<LastStepOperation>)
    case linear(UnsafePointer<LinearOperation>)
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
    var target: UnsafeMutableRawPointer
    var targetStride: Int
    var module: Int
    var number: Int
    /// Layers, this one the first, whose steps are best run in turn.
    var inTurn = 1

    func takesInput(of steps: Int) -> Bool { canTakeInput && (steps == 1 || hasSmallInput) }
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

  /// What the pieces are filled in for. A run of the same again, as in an audio callback, has only its ends to place;
  /// stacks that are run in turn and are not small fill theirs in all the same.
  struct Setting: Equatable {
    /// 0 where the next run is to fill them in anew.
    var steps = 0
    var stride = 0
    var state: UnsafeMutableRawPointer?
    var placesEnd = false
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
  let operations: UnsafeMutableBufferPointer<Operation>
  let kernels: rnnkit_operations
  let real: Int
  let gateSteps: Int
  let gates: UnsafeMutableRawPointer
  private let memory: [AlignedMemory]
  /// One for each direction of each layer, in order, and that for each thread.
  private let pieces: UnsafeMutablePointer<rnnkit_piece>
  let pieceCount: Int
  private let setting: UnsafeMutablePointer<Setting>
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
    var hidden = 0, mostInTurn = 1, pieceCount = 0
    for case .recurrent(let stage) in plan.stages {
      hidden = max(hidden, stage.module.hiddenSize)
      mostInTurn = max(mostInTurn, Self.layersInTurn(stage, batch: batch, kernels, precision))
      pieceCount += stage.module.numLayers * stage.module.directionCount
    }
    let sizes = RowSizes(plan), widest = sizes.widest
    inputStride = sizes.input
    let inputMemory = try AlignedMemory(reals: product(rows, inputStride), precision)
    // Taking turns, and with one stride: a row is never written before the same row of the other layer's input, which is
    // in the same memory, has been read.
    let even = try AlignedMemory(reals: product(rows, widest), precision)
    let odd = try AlignedMemory(reals: product(rows, widest), precision)
    let lastRecurrent = plan.stages.lastIndex { if case .recurrent = $0 { true } else { false } }
    let kept: AlignedMemory?
    if let stride = sizes.kept {
      let memory = try AlignedMemory(reals: product(rows, stride), precision)
      kept = memory
      output = Rows(base: UnsafeRawPointer(memory.base), stride: stride, count: rows)
    } else {
      kept = nil
      output = nil
    }
    self.gateSteps = min(gateSteps, maximumSteps)
    let gateRows = try max(product(self.gateSteps, batch), mostInTurn > 1 ? mostInTurn * Self.stepsInTurn : 0)
    let gates = try AlignedMemory(reals: product(gateRows, sizes.gates), precision)
    let scratchStride = precision.stride(hidden)
    let scratch = try AlignedMemory(reals: product(batch, scratchStride), precision)
    input = inputMemory.base
    memory = [inputMemory, even, odd, gates, scratch] + (kept.map { [$0] } ?? [])

    var common = rnnkit_piece()
    common.batch = batch
    common.scratch = scratch.base
    common.scratch_stride = scratchStride
    let threads = team?.count ?? 1
    pieces = .allocate(capacity: pieceCount * threads)
    pieces.initialize(repeating: common, count: pieceCount * threads)
    var operations: [Operation] = []
    var piece = 0
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
        let inTurn = team == nil && maximumSteps > 1 ? Self.layersInTurn(stage, batch: batch, kernels, precision) : 1
        for layer in 0..<module.numLayers {
          let isLast = index == lastRecurrent && layer == module.numLayers - 1
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
            target: isLast ? kept?.base ?? even.base : nextTarget(), targetStride: isLast ? stride : widest,
            module: moduleIndex, number: layer, inTurn: layer % inTurn == 0 ? min(inTurn, module.numLayers - layer) : 1)
          operations.append(.layer(placed(operation)))
          piece += directions
        }
        if !module.returnsSequence {
          let operation = LastStepOperation(
            directions: directions,
            h: (states.h((module.numLayers - 1) * directions, batch: stateBatch) + firstRow * states.hStride) * size,
            nextDirection: states.blockStride * stateBatch * size, hStride: states.hStride,
            stateSize: module.stateSize, target: nextTarget(), targetStride: widest)
          operations.append(.lastStep(placed(operation)))
        }
        moduleIndex += 1
      case .linear(let stage):
        let operation = LinearOperation(
          matrix: UnsafePointer(stage.matrix), bias: UnsafeRawPointer(stage.bias.base),
          activation: stage.module.activation.kernel, count: stage.module.outFeatures, target: nextTarget(),
          targetStride: widest)
        operations.append(.linear(placed(operation)))
      }
    }
    if case .layer(let last) = operations.last {
      placesEnd = last.pointee.directions == 1 && !last.pointee.pieces.pointee.reverse
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
    setting = .allocate(capacity: 1)
    setting.initialize(to: Setting())
    self.gates = gates.base
    self.pieceCount = pieceCount
    real = size
  }

  deinit {
    setting.deallocate()
    pieces.deallocate()
    for operation in operations {
      switch operation {
      case .layer(let layer): layer.deallocate()
      case .lastStep(let last): last.deallocate()
      case .linear(let linear): linear.deallocate()
      }
    }
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
    guard let team else {
      var new = Setting()
      if active == nil && afterLayer == nil && steps <= gateSteps {
        new = Setting(steps: steps, stride: stride, state: state, placesEnd: end != nil)
      }
      let isSame = new.steps > 0 && new == setting.pointee
      setting.pointee = new
      return run(x, stride, steps, active, state, end, afterLayer, Share(), isSame)
    }
    var last = Rows(base: x, stride: stride, count: 0)
    team.run { rank in
      let share = Share(rank: rank, count: team.count, barrier: team.barrier)
      let rows = run(x, stride, steps, active, state, end, afterLayer, share, false)
      if rank == 0 { last = rows }
    }
    return last
  }

  /// A thread's share of the work.
  struct Share {
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
    _ share: Share, _ isSame: Bool
  ) -> Rows {
    var rows = Rows(base: x, stride: stride, count: steps * batch)
    var index = 0
    while index < operations.count {
      defer { index += 1 }
      switch operations[index] {
      case .layer(let layer):
        // Who looks at a layer's output wants all of it at once.
        let inTurn = afterLayer == nil && steps > 1 ? layer.pointee.inTurn : 1
        if inTurn > 1 {
          rows = runInTurn(index, inTurn, rows, steps: steps, active: active, state: state, end: end, isSame)
          index += inTurn - 1
          continue
        }
        let target = target(of: layer, index, end)
        for direction in 0..<layer.pointee.directions {
          run(layer, direction, rows, to: target, steps: steps, active: active, state: state, share, isSame)
        }
        rows.base = UnsafeRawPointer(target.base)
        rows.stride = target.stride
        if share.rank == 0 { afterLayer?(layer.pointee.module, layer.pointee.number, rows) }
      case .lastStep(let last):
        let last = last.pointee
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
        let linear = linear.pointee
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
}

/// A value in memory of its own.
private func placed<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value> {
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  pointer.initialize(to: value)
  return UnsafePointer(pointer)
}
