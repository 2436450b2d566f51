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
    let piece = operation.pointee.pieces + share.rank * pieceCount + direction
    let isShared = piece.pointee.barrier != nil
    guard isShared || share.rank == 0 else { return share.wait() }
    // Pieces are filled in anew for what the gates' buffer does not hold at once.
    if steps > gateSteps { recording.doNotRecord() }
    var done = 0
    while done < steps {
      let count = min(gateSteps, steps - done)
      let first = piece.pointee.reverse ? steps - done - count : done
      place(piece, operation, direction, target, first: first, count: count, of: steps, active, state)
      feed(piece, layer, x, first: first, taking: !isShared && operation.pointee.takesInput(of: count))
      make(.run(layer, piece))
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
    if chunks > 1 { recording.doNotRecord() }
    let pieces = front.pointee.pieces
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
        place(pieces + number, operation, 0, target, first: first, count: now, of: steps, active, state)
        if !isSmall { pieces[number].gates += number * atOnce * layer.pointee.gates * real }
        feed(pieces + number, layer, input, first: first, taking: operation.pointee.takesInput(of: now))
        lowest = min(lowest, number)
        highest = number
      }
      make(.run(front.pointee.layers + lowest, pieces + lowest, count: highest - lowest + 1))
    }
    return last
  }

  /// Makes a piece of `count` steps from `first` on, of all that are run.
  private func place(
    _ piece: UnsafeMutablePointer<rnnkit_piece>, _ operation: UnsafePointer<LayerOperation>, _ direction: Int,
    _ target: Target, first: Int, count: Int, of steps: Int, _ active: UnsafePointer<Int>?,
    _ state: UnsafeMutableRawPointer
  ) {
    piece.pointee.h = state + operation.pointee.h + direction * operation.pointee.nextDirection
    piece.pointee.c = state + operation.pointee.c + direction * operation.pointee.nextDirection
    piece.pointee.gates = gates
    piece.pointee.steps = count
    piece.pointee.active = active.map { $0 + first }
    piece.pointee.output =
      target.base + (first * batch * target.stride + direction * operation.pointee.stateSize) * real
    piece.pointee.output_stride = target.stride
    var whole = operation.pointee.directions == 1 ? count * batch : 0
    if target.isTight && first + count == steps { whole = max(0, whole - operation.pointee.narrowRows) }
    piece.pointee.whole_rows = whole
  }

  /// Gives a piece its steps of the input: as it is, if the kernel is to make the product, else the product with the
  /// piece's groups of the input matrix.
  private func feed(
    _ piece: UnsafeMutablePointer<rnnkit_piece>, _ layer: UnsafePointer<rnnkit_layer>, _ x: Rows, first: Int,
    taking: Bool
  ) {
    let count = piece.pointee.steps * batch
    let source = Rows(base: x.base + first * batch * x.stride * real, stride: x.stride, count: count)
    piece.pointee.input = taking ? source.base : nil
    piece.pointee.input_stride = x.stride
    guard !taking else { return }
    func multiply(_ matrix: UnsafePointer<rnnkit_matrix>, fromGate first: Int) {
      make(.multiply(
        matrix, source, from: layer.pointee.bias + first, to: piece.pointee.gates + first, stride: layer.pointee.gates))
    }
    guard piece.pointee.barrier != nil else { return multiply(rnnkit_input(layer), fromGate: 0) }
    var matrix = layer.pointee.input
    let group = piece.pointee.first_group, vector = plan.precision.lanes * real
    matrix.weights += group * matrix.inner * matrix.panels * (matrix.kept == RNNKIT_REALS ? vector : vector / 2)
    matrix.groups = piece.pointee.end_group - group
    multiply(&matrix, fromGate: group * matrix.pitch * vector)
  }
}
