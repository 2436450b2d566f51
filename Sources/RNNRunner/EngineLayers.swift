import CRNNKernels
import RNNModel

extension Engine {
  /// Where rows of output go.
  struct Target {
    var base: UnsafeMutableRawPointer
    var stride: Int
    /// Whether rows follow each other without a gap, so that past the last one there may be memory of somebody else's.
    var isTight: Bool
  }

  /// Where layer operation number `index` is to put its output.
  func target(of layer: UnsafePointer<LayerOperation>, _ index: Int, _ end: UnsafeMutableRawPointer?) -> Target {
    if let end, index == operations.count - 1 {
      return Target(base: end, stride: layer.pointee.stateSize, isTight: true)
    }
    return Target(base: layer.pointee.target, stride: layer.pointee.targetStride, isTight: false)
  }

  /// One direction of a layer, so many steps at once as the gates' buffer holds.
  func run(
    _ operation: UnsafePointer<LayerOperation>, _ direction: Int, _ x: Rows, to target: Target, steps: Int,
    active: UnsafePointer<Int>?, state: UnsafeMutableRawPointer, _ share: Share
  ) {
    let layer = operation.pointee.layers + direction
    let isShared = share.count > 1 && Team.isWorthSharing(layer)
    guard isShared || share.rank == 0 else { return share.wait() }
    var piece = rnnkit_piece()
    begin(&piece, operation, direction, state)
    var input = layer.pointee.input
    var firstGate = 0
    if isShared {
      // The groups of both products are of the same units; those that lie side by side stay together.
      let together = layer.pointee.recurrent.together
      let parts = share.part(of: input.groups / together)
      let groups = parts.lowerBound * together..<parts.upperBound * together
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
      let first = piece.reverse ? steps - done - count : done
      place(&piece, operation, direction, target, first: first, count: count, of: steps, active)
      feed(&piece, layer, &input, x, first: first, taking: !isShared && operation.pointee.takesInput(of: count), firstGate)
      kernels.run(layer, &piece)
      if isShared { share.wait() }
      done += count
    }
    share.wait()
  }

  /// How many steps a layer is ahead of the next one where they are run in turn and are not small.
  static let stepsInTurn = 24

  /// Of a module's layers, how many are best run in turn: small ones, and those whose steps wait for each other longer
  /// than they work, as long as their weights stay in the first-level cache together.
  static func layersInTurn(
    _ stage: RecurrentStage, batch: Int, _ kernels: rnnkit_operations, _ precision: Precision
  ) -> Int {
    let module = stage.module, count = module.numLayers
    guard module.direction == .forward, (0..<count).allSatisfy({ kernels.in_place(stage.layers + $0, batch) })
    else { return 1 }
    if rnnkit_is_small(stage.layers) { return count }
    let matrix = stage.layers.pointee.recurrent
    let bytes = matrix.inner * matrix.groups * matrix.panels * precision.lanes * precision.size
    return max(1, min(count, (40 << 10) / max(bytes, 1)))
  }

  /// `count` layers from operation number `index` on. Small ones are one step behind each other, as one product with the
  /// input of many steps gains them nothing. Returns the last one's rows.
  func runInTurn(
    _ index: Int, _ count: Int, _ x: Rows, steps: Int, active: UnsafePointer<Int>?, state: UnsafeMutableRawPointer,
    end: UnsafeMutableRawPointer?
  ) -> Rows {
    guard case .layer(let front) = operations[index] else { return x }
    let isSmall = front.pointee.isSmall
    let atOnce = isSmall ? gateSteps : Self.stepsInTurn, chunks = (steps + atOnce - 1) / atOnce
    var last = x
    for turn in 0..<chunks + (isSmall ? 0 : count - 1) {
      var rows = x, lowest = count, highest = 0
      for number in 0..<count {
        guard case .layer(let operation) = operations[index + number] else { continue }
        let target = target(of: operation, index + number, end)
        let output = Rows(base: UnsafeRawPointer(target.base), stride: target.stride, count: steps * batch)
        let input = rows
        rows = output
        last = output
        let chunk = isSmall ? turn : turn - number
        guard 0 <= chunk, chunk < chunks else { continue }
        let layer = operation.pointee.layers, first = chunk * atOnce, now = min(atOnce, steps - first)
        let piece = pieces + number
        begin(&piece.pointee, operation, 0, state)
        place(&piece.pointee, operation, 0, target, first: first, count: now, of: steps, active)
        if !isSmall { piece.pointee.gates += number * atOnce * layer.pointee.gates * real }
        var matrix = layer.pointee.input
        feed(&piece.pointee, layer, &matrix, input, first: first, taking: operation.pointee.takesInput(of: now))
        lowest = min(lowest, number)
        highest = number
      }
      kernels.run_in_turn(front.pointee.layers + lowest, pieces + lowest, highest - lowest + 1)
    }
    return last
  }

  /// Fills in a layer's piece but for the steps.
  private func begin(
    _ piece: inout rnnkit_piece, _ operation: UnsafePointer<LayerOperation>, _ direction: Int,
    _ state: UnsafeMutableRawPointer
  ) {
    piece = operation.pointee.piece
    piece.reverse = direction == 1 || operation.pointee.startsReverse
    piece.h = state + operation.pointee.h + direction * operation.pointee.nextDirection
    piece.c = state + operation.pointee.c + direction * operation.pointee.nextDirection
  }

  /// Makes a piece of `count` steps from `first` on, of all that are run.
  private func place(
    _ piece: inout rnnkit_piece, _ operation: UnsafePointer<LayerOperation>, _ direction: Int, _ target: Target,
    first: Int, count: Int, of steps: Int, _ active: UnsafePointer<Int>?
  ) {
    piece.steps = count
    piece.active = active.map { $0 + first }
    piece.output = target.base + (first * batch * target.stride + direction * operation.pointee.stateSize) * real
    piece.output_stride = target.stride
    piece.whole_rows = operation.pointee.directions == 1 ? count * batch : 0
    if target.isTight && first + count == steps {
      piece.whole_rows = max(0, count * batch - operation.pointee.narrowRows)
    }
  }

  /// Gives a piece its steps of the input: as it is, if the kernel is to make the product, else the product with `matrix`,
  /// whose results begin `firstGate` bytes into a row of gates.
  private func feed(
    _ piece: inout rnnkit_piece, _ layer: UnsafePointer<rnnkit_layer>, _ matrix: inout rnnkit_matrix, _ x: Rows,
    first: Int, taking: Bool, _ firstGate: Int = 0
  ) {
    let source = x.base + first * batch * x.stride * real
    piece.input = taking ? source : nil
    piece.input_stride = x.stride
    guard !taking else { return }
    kernels.multiply(
      &matrix, source, x.stride, piece.steps * batch, layer.pointee.bias + firstGate, 0, piece.gates + firstGate,
      layer.pointee.gates)
  }
}
