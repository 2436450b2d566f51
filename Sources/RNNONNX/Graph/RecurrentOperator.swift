import RNNFormats
import RNNModel

/// The operators RNN, LSTM and GRU, of operator set 7 and later.
///
/// Source: onnx/defs/rnn/defs.cc. Shapes with layout 0: X (time, batch, input); W (directions, gates·hidden, input); R
/// (directions, gates·hidden, hidden); B (directions, 2·gates·hidden); sequence_lens (batch); initial_h and initial_c
/// (directions, batch, hidden); P (directions, 3·hidden); Y (time, directions, batch, hidden); Y_h and Y_c (directions,
/// batch, hidden). With layout 1, X (batch, time, input); states (batch, directions, hidden); Y (batch, time,
/// directions, hidden).
extension GraphReader {
  mutating func recurrent(_ node: inout OperatorNode, _ cell: Recurrent.Cell) throws(RNNError) {
    let direction = try node.direction()
    let directions = direction == .bidirectional ? 2 : 1
    let hiddenSize = try node.integer("hidden_size")
    let isBatchFirst = try node.flag("layout")
    guard case .flow(let flow) = try required(node, 0) else { throw node.refuse("its input X is a constant") }
    guard let input = try weight(node, 1, "weight W"), let hidden = try weight(node, 2, "weight R") else {
      throw node.refuse("its weight W or R is missing", remedy: OperatorNode.again)
    }
    let (w, r) = (input.tensor, hidden.tensor)
    let gates = cell.gateCount
    guard w.shape.rank == 3, r.shape.rank == 3, w.shape[0] == directions, r.shape[0] == directions, r.shape[2] > 0,
      w.shape[2] > 0, case let units = r.shape[2], units.multipliedReportingOverflow(by: gates) == (r.shape[1], false),
      w.shape[1] == r.shape[1]
    else {
      throw node.refuse(
        "W has shape \(w.shape) and R \(r.shape), expected (\(directions), \(gates)·hidden, input) and "
          + "(\(directions), \(gates)·hidden, hidden)",
        remedy: OperatorNode.again)
    }
    let size = r.shape[2]
    guard hiddenSize == nil || hiddenSize == size else {
      throw node.refuse(
        "attribute hidden_size is \(hiddenSize ?? 0), but R has \(size)", remedy: OperatorNode.again)
    }
    try check(input, flow, node, "weight W")
    try check(hidden, flow, node, "weight R")
    var link = RecurrentLink(
      cell: cell, inputSize: w.shape[2], hiddenSize: size, direction: direction,
      directions: try self.directions(node, cell, flow, w, r))
    let activations = try node.activations(cell, directions: directions, isDouble: flow.type == .float64)
    for index in 0..<directions { link.directions[index].activations = activations[index] }
    if let clip = try node.float("clip") {
      guard clip.isFinite, clip > 0 else { throw node.refuse("attribute clip is \(clip), expected a number above 0") }
      link.clip = Double(clip)
    }
    if cell == .gru { link.resetAfter = try node.flag("linear_before_reset") }
    if cell == .lstm { link.inputForget = try node.flag("input_forget") }
    let source = try lay(link, flow, isBatchFirst: isBatchFirst, node)
    link.lengths = try lengths(node, 4)
    link.h0 = try start(node, 5, "initial_h", link, isBatchFirst: isBatchFirst)
    if cell == .lstm { link.c0 = try start(node, 6, "initial_c", link, isBatchFirst: isBatchFirst) }
    let index = try append(.recurrent(link), [source], flow.type, name: node.scope, node)
    give(node, index, link, isBatchFirst: isBatchFirst, type: flow.type)
  }

  /// Checks that X is laid out as time, batch and features, or tells from it which axis is which. Returns the value.
  private mutating func lay(
    _ link: RecurrentLink, _ flow: Flow, isBatchFirst: Bool, _ node: OperatorNode
  ) throws(RNNError) -> Flow.Source {
    if flow.isOpaque {
      guard !flow.isStates else { throw node.refuse("its input X is states put together") }
      layout = layout ?? SequenceLayout(time: [.own(axis: 0)], batch: [.own(axis: 1)])
      return flow.source
    }
    guard flow.axes.count == 3 else {
      throw node.refuse("its input X has \(flow.axes.count) axes, expected 3", remedy: OperatorNode.again)
    }
    let flow = try settled(flow, node)
    let (time, batch) = isBatchFirst ? (flow.axes[1], flow.axes[0]) : (flow.axes[0], flow.axes[1])
    if let size = try features(flow, node), size != link.inputSize {
      throw node.refuse("W takes \(link.inputSize) features, but X has \(size)", remedy: OperatorNode.again)
    }
    if let layout {
      guard isSame(time, layout.time), isSame(batch, layout.batch) else {
        throw node.refuse("it runs along another axis than the recurrent node before it")
      }
    } else {
      guard time.count <= 1, batch.count <= 1,
        batch.allSatisfy({ if case .input = $0 { true } else { false } }),
        time.allSatisfy({
          switch $0 {
          case .input, .window: true
          default: false
          }
        })
      else { throw node.refuse("the axes of its input X are not time, batch and features") }
      layout = SequenceLayout(time: time, batch: batch)
    }
    return flow.source
  }

  /// Whether two axes of sequences are the same one, or may be: of one input, or of two inputs at the same place.
  private func isSame(_ first: [Flow.Atom], _ second: [Flow.Atom]) -> Bool {
    if first == second { return true }
    guard case .input(let a, let m)? = first.first, case .input(let b, let n)? = second.first else { return false }
    return first.count == 1 && second.count == 1 && a != b && m == n
  }

  /// The parameters of each direction, in PyTorch's order.
  private mutating func directions(
    _ node: OperatorNode, _ cell: Recurrent.Cell, _ flow: Flow, _ w: Tensor, _ r: Tensor
  ) throws(RNNError) -> [RecurrentLink.Direction] {
    let (count, rows) = (w.shape[0], w.shape[1])
    func matrix(_ index: Int, _ role: String, _ size: Int) throws(RNNError) -> Tensor? {
      guard let constant = try weight(node, index, role) else { return nil }
      try check(constant, flow, node, role)
      guard constant.tensor.shape.dimensions == [count, size] else {
        throw node.refuse(
          "its \(role) has shape \(constant.tensor.shape), expected (\(count), \(size))",
          remedy: OperatorNode.again)
      }
      return constant.tensor
    }
    let biases = try matrix(3, "bias B", 2 * rows)
    let peepholes = cell == .lstm ? try matrix(7, "peepholes P", 3 * (rows / 4)) : nil
    let order = GateOrder.fromONNX(cell)
    try spend(w.byteCount + r.byteCount + (biases?.byteCount ?? 0) + (peepholes?.byteCount ?? 0), node)
    var result: [RecurrentLink.Direction] = []
    for index in 0..<count {
      guard let weightIH = try w.row(index)?.reorderingBlocks(order),
        let weightHH = try r.row(index)?.reorderingBlocks(order)
      else {
        throw node.refuse("its weights are too large")
      }
      var direction = RecurrentLink.Direction(
        weightIH: weightIH, weightHH: weightHH, activations: Recurrent.Activations())
      if let halves = biases?.row(index).flatMap({ row in Shape([2, rows]).flatMap { row.reshaped($0) } }),
        let ih = try halves.row(0)?.reorderingBlocks(order), let hh = try halves.row(1)?.reorderingBlocks(order)
      {
        direction.biases = (ih, hh)
      }
      direction.peephole = try peepholes?.row(index)?.reorderingBlocks(GateOrder.peephole)
      result.append(direction)
    }
    return result
  }

  /// The graph input that gives the sequences' lengths; nil where every sequence is whole.
  mutating func lengths(_ node: OperatorNode, _ index: Int) throws(RNNError) -> Int? {
    let time = layout.flatMap { layout in
      layout.time.isEmpty
        ? nil : layout.time.reduce(Extent.known(1)) { $0 * extent($1, in: Flow(input: 0, rank: 0, type: .float32)) }
    }
    // All inputs have as many steps.
    func isTime(_ extent: Extent) -> Bool {
      if extent == time { return true }
      guard case .product(1, let symbols) = extent, symbols.count == 1, case .input(_, let axis)? = layout?.time.first else { return false }
      return layout?.time.count == 1 && symbols[0].axis == axis && time?.value == nil
    }
    switch try value(node, index) {
    case nil: return nil
    case .flow(let flow):
      guard !flow.isOpaque, !flow.isWhole, let input = flow.untouchedInput, flow.axes.count == 1, flow.type.isInteger else {
        throw node.refuse("its sequence_lens is worked out in the graph")
      }
      return input
    case .uniform(let extent) where extent != .unknown && (isTime(extent) || time == nil): return nil
    case .extents(let extents, _) where extents.allSatisfy(isTime): return nil
    case .constant(let constant)
    where constant.tensor.exactIntegers.allSatisfy({ .known($0) == time }) && constant.tensor.elementType.isInteger:
      return nil
    default:
      throw node.refuse("its sequence_lens is fixed in the file", remedy: "make the lengths an input of the graph")
    }
  }

  /// Where a state starts.
  private mutating func start(
    _ node: OperatorNode, _ index: Int, _ role: String, _ link: RecurrentLink, isBatchFirst: Bool
  ) throws(RNNError) -> RecurrentLink.Start {
    let (rowsAxis, batchAxis) = isBatchFirst ? (1, 0) : (0, 1)
    let directions = link.directions.count
    func fits(_ axis: Int, _ size: Extent) -> Bool {
      switch axis {
      case rowsAxis: size == .known(directions) || size.value == nil
      case batchAxis: true
      default: size == .known(link.hiddenSize) || size.value == nil
      }
    }
    func refuseShape(_ shape: [Extent]) -> RNNError {
      let sizes = shape.map { $0.value.map(String.init) ?? "?" }.joined(separator: ", ")
      let expected =
        isBatchFirst ? "(batch, \(directions), \(link.hiddenSize))" : "(\(directions), batch, \(link.hiddenSize))"
      return node.refuse(
        "its \(role) has shape (\(sizes)), expected \(expected)",
        remedy: "if the LSTM has a projection, take its weights from PyTorch's own file: ONNX has none")
    }
    switch try value(node, index) {
    case nil: return .none
    case .constant(let constant):
      guard constant.shape.count == 3, constant.shape.indices.allSatisfy({ fits($0, constant.shape[$0]) }),
        constant.tensor.elementType.isWeight
      else { throw refuseShape(constant.shape) }
      let tensor = constant.tensor
      guard tensor.shape[batchAxis] > 0, let first = try tensor.sliced(axis: batchAxis, 0..<1) else {
        throw node.refuse("its \(role) is empty")
      }
      for row in 1..<tensor.shape[batchAxis] {
        if try tensor.sliced(axis: batchAxis, row..<row + 1)?.isIdentical(to: first) == true { continue }
        throw node.refuse(
          "its \(role) is fixed in the file and differs from sequence to sequence",
          remedy: "make it an input of the graph")
      }
      // Axes that were repeated are written out.
      let strides = first.strides
      func stride(_ axis: Int) -> Int { first.shape[axis] == 1 ? 0 : strides[axis] }
      guard let shape = Shape([directions, link.hiddenSize]),
        let state = try first.gathered(shape, strides: [stride(rowsAxis), stride(2)])
      else { throw node.refuse("its \(role) is too large") }
      return .stored(state)
    case .flow(let flow):
      guard !flow.isOpaque, !flow.isWhole, flow.type.isWeight else { throw node.refuse("its \(role) is worked out in the graph, by a node that is not understood") }
      guard flow.axes.count == 3, flow.axes.indices.allSatisfy({ fits($0, extent(flow.axes[$0], in: flow)) }) else {
        throw refuseShape(flow.axes.map { extent($0, in: flow) })
      }
      guard case .input(let input) = flow.source, flow.axes.allSatisfy({ $0.count <= 1 }) else {
        throw node.refuse("its \(role) is worked out in the graph; RNNKit starts from zeros, stored or given states")
      }
      func inputAxis(_ axis: Int) -> Int? {
        if case .input(_, let index)? = flow.axes[axis].first { index } else { nil }
      }
      guard let hiddenAxis = inputAxis(2) ?? (link.hiddenSize == 1 ? inputs[input].shape.count - 1 : nil),
        flow.selection[hiddenAxis] == nil, inputAxis(batchAxis).map({ flow.selection[$0] == nil }) ?? true
      else {
        throw node.refuse("its \(role) is worked out in the graph; RNNKit starts from zeros, stored or given states")
      }
      // A single row may have been chosen and its axis dropped.
      var rest = inputs[input].shape.indices.filter { $0 != hiddenAxis && $0 != inputAxis(batchAxis) && $0 != inputAxis(rowsAxis) }
      var rows = inputAxis(rowsAxis)
      if rows == nil, directions == 1, !rest.isEmpty, rest.count == 1 || flow.selection[rest[0]] == nil { rows = rest.removeFirst() }
      var batch = inputAxis(batchAxis)
      if batch == nil, let one = rest.firstIndex(where: { inputs[input].shape[$0] == .known(1) && flow.selection[$0] == nil }) {
        batch = rest.remove(at: one)
      }
      var chosen: [Int: Int] = [:]
      for axis in rest {
        let range = flow.selection[axis] ?? 0..<(inputs[input].shape[axis].value ?? 0)
        guard range.count == 1 else { throw node.refuse("its \(role) is laid out in a way that RNNKit does not follow") }
        chosen[axis] = range.lowerBound
      }
      let range = rows.flatMap { flow.selection[$0] } ?? 0..<directions
      return .input(
        StateInput(input: input, rowsAxis: rows, batchAxis: batch, hiddenAxis: hiddenAxis, rows: range, chosen: chosen))
    case .extents, .uniform, .missing: throw node.refuse("its \(role) is made of sizes")
    }
  }

  /// Sets Y, Y_h and Y_c.
  private mutating func give(
    _ node: OperatorNode, _ index: Int, _ link: RecurrentLink, isBatchFirst: Bool, type: ElementType
  ) {
    guard let layout else { return }
    let rows = link.directions.indices.map { Flow.Row(step: index, direction: $0) }
    let hidden: [Flow.Atom] = [.hidden(link.hiddenSize)]
    var output = Flow(
      step: index,
      axes: isBatchFirst
        ? [layout.batch, layout.time, [.rows], hidden] : [layout.time, [.rows], layout.batch, hidden],
      type: type)
    output.rows = rows
    set(node, .flow(output))
    output.axes = isBatchFirst ? [layout.batch, [.rows], hidden] : [[.rows], layout.batch, hidden]
    output.moment = .final
    set(node, .flow(output), output: 1)
    output.quantity = .cn
    set(node, .flow(output), output: 2)
  }
}

extension OperatorNode {
  fileprivate mutating func direction() throws(RNNError) -> Recurrent.Direction {
    let name = try string("direction") ?? "forward"
    guard let direction = Recurrent.Direction(rawValue: name) else {
      throw refuse("attribute direction is \"\(name)\", expected forward, reverse or bidirectional")
    }
    return direction
  }

  /// The activations of each direction. Names not given are the operator's own; alphas and betas go, in order, to the
  /// functions that take one.
  fileprivate mutating func activations(
    _ cell: Recurrent.Cell, directions: Int, isDouble: Bool
  ) throws(RNNError) -> [Recurrent.Activations] {
    let count = [.rnn: 1, .gru: 2, .lstm: 3][cell] ?? 1
    var names = try strings("activations") ?? []
    // The RNN's default is written as two names, whatever its directions.
    if names.isEmpty {
      names = (0..<directions).flatMap { _ in
        cell == .rnn ? ["Tanh"] : cell == .gru ? ["Sigmoid", "Tanh"] : ["Sigmoid", "Tanh", "Tanh"]
      }
    } else if cell == .rnn, directions == 1, names.count == 2, names.allSatisfy({ $0.lowercased() == "tanh" }) {
      names.removeLast()
    }
    guard names.count == count * directions else {
      throw refuse("attribute activations has \(names.count) names, expected \(count * directions)")
    }
    let (alphas, betas) = (try floats("activation_alpha"), try floats("activation_beta"))
    var (restAlphas, restBetas) = (alphas[...], betas[...])
    var functions: [Activation] = []
    for name in names {
      let takes = ActivationName.parameters(name)
      let alpha = takes.alpha > 0 ? restAlphas.popFirst() : nil
      let beta = takes.beta > 0 ? restBetas.popFirst() : nil
      // ONNX gives these the defaults of operators that it has dropped; ONNX Runtime takes 0.
      guard alpha != nil || !["affine", "scaledtanh", "thresholdedrelu"].contains(name.lowercased()),
        beta != nil || !["affine", "scaledtanh"].contains(name.lowercased())
      else {
        throw refuse(
          "\(name) has no alpha or beta, for which runtimes take different values",
          remedy: "write them into activation_alpha and activation_beta")
      }
      guard let function = ActivationName.activation(name, alpha: alpha, beta: beta, isDouble: isDouble) else {
        throw refuse(
          "attribute activations has \"\(name)\", which RNNKit does not know, or a number that is not finite")
      }
      functions.append(function == .affine(alpha: 1, beta: 0) ? .identity : function)
    }
    guard restAlphas.isEmpty, restBetas.isEmpty else {
      throw refuse(
        "attributes activation_alpha and activation_beta have \(alphas.count) and \(betas.count) numbers, more than "
          + "the functions \(names.listed()) take"
      )
    }
    return (0..<directions).map { direction in
      let own = functions[direction * count..<(direction + 1) * count]
      let first = own[own.startIndex]
      switch cell {
      case .rnn: return Recurrent.Activations(candidate: first)
      case .gru: return Recurrent.Activations(gate: first, candidate: own[own.startIndex + 1])
      case .lstm:
        return Recurrent.Activations(gate: first, candidate: own[own.startIndex + 1], output: own[own.startIndex + 2])
      }
    }
  }

  /// The module that the node was in where it was exported: `encoder.rnn` for PyTorch's `/encoder/rnn/LSTM_1`.
  var scope: String? {
    if proto.name.contains("/") {
      let parts = proto.name.split(separator: "/").dropLast()
      if !parts.isEmpty { return parts.joined(separator: ".") }
    }
    // PyTorch's newer exporter: "['', 'encoder', 'encoder.rnn', 'lstm']", the last being the operator.
    if let text = proto.metadataProps.first(where: { $0.key == "pkg.torch.onnx.name_scopes" })?.value {
      let parts = text.split(separator: "'", omittingEmptySubsequences: false).enumerated().filter {
        $0.offset % 2 == 1
      }
      if parts.count > 2, case let name = parts[parts.count - 2].element, !name.isEmpty { return String(name) }
    }
    return nil
  }
}
