import RNNFormats
import RNNModel

/// Gives tensors that were supplied under the names of a graph's inputs the names and shapes of a run's members.
struct SuppliedMembers {
  private let graph: GraphForward
  private let modules: [(name: String, links: [RecurrentLink])]
  private let inputNames: [String]

  init(_ modules: GraphModules) {
    graph = modules.graph
    inputNames = modules.inputNames
    self.modules = modules.parts.compactMap { part in
      let links = part.steps.compactMap { modules.graph.steps[$0].recurrent }
      return links.isEmpty ? nil : (part.name, links)
    }
  }

  /// `input`, `lengths`, `h0`, `c0`, or `<module>.h0` where the graph has several recurrent modules. Weights are left
  /// out; tensors that no input of the graph is named after keep their names.
  func rename(_ supplied: [NamedTensor]) throws(RNNError) -> [NamedTensor] {
    let inputs = graph.reader.inputs
    func tensor(_ input: Int) -> Tensor? { supplied.first { $0.name == inputs[input].name }?.tensor }
    var result: [NamedTensor] = []
    for (input, ownName) in zip(graph.inputs, inputNames) {
      guard let tensor = tensor(input) else { continue }
      let name = graph.inputs.count == 1 ? "input" : ownName
      result.append(NamedTensor(name, indices(tensor, of: input) ?? tensor))
    }
    if let lengths = graph.lengths, let tensor = tensor(lengths) {
      result.append(NamedTensor("lengths", tensor))
    }
    for module in modules {
      let prefix = modules.count == 1 ? "" : module.name + "."
      for (name, starts) in [("h0", module.links.map(\.h0)), ("c0", module.links.map(\.c0))] {
        if let state = try state(module, starts, inputs, tensor) { result.append(NamedTensor(prefix + name, state)) }
      }
    }
    let taken = Set(result.map(\.name))
    for named in supplied where !inputs.contains(where: { $0.name == named.name }) {
      guard !taken.contains(named.name) else {
        throw RNNError(
          .usage, place: "\(named.name)", "it is given twice, also under the graph's own name for it",
          remedy: "leave one of the two out")
      }
      result.append(named)
    }
    return result
  }

  /// Whole numbers in floating point as indices, for a graph that casts them, as Keras' do. Nil for anything else.
  private func indices(_ tensor: Tensor, of input: Int) -> Tensor? {
    let isEmbedded = graph.live.contains { index in
      if case .embedding = graph.steps[index].operation { graph.steps[index].inputs == [.input(input)] } else { false }
    }
    guard isEmbedded, tensor.elementType.isWeight else { return nil }
    let indices = tensor.doubles.compactMap { Int64(exactly: $0) }
    return indices.count == tensor.count ? Tensor(indices, tensor.shape) : nil
  }

  /// The starting state of a stack, (layers·directions, batch, hidden), or without the batch axis where the graph's
  /// input has none. Nil where none was supplied.
  private func state(
    _ module: (name: String, links: [RecurrentLink]), _ starts: [RecurrentLink.Start],
    _ inputs: [GraphReader.GraphInput],
    _ tensor: (Int) -> Tensor?
  ) throws(RNNError) -> Tensor? {
    var rows: [Tensor] = []
    for (start, link) in zip(starts, module.links) {
      guard case .input(let state) = start, let given = tensor(state.input) else { continue }
      let sizes = given.shape.dimensions
      let strides = given.strides
      guard sizes.count == inputs[state.input].shape.count, state.rows.count == link.directions.count,
        state.rowsAxis.map({ state.rows.upperBound <= sizes[$0] }) ?? true, sizes[state.hiddenAxis] == link.hiddenSize,
        state.chosen.allSatisfy({ $0.value < sizes[$0.key] })
      else {
        throw RNNError(
          .badData, place: inputs[state.input].name,
          "its shape is \(given.shape), which does not fit the starting state of \(module.name)",
          remedy: "correct the input")
      }
      let batch = state.batchAxis.map { [sizes[$0]] } ?? []
      let shape = Shape([state.rows.count] + batch + [link.hiddenSize])
      let rowStride = state.rowsAxis.map { strides[$0] } ?? 0
      let steps = [rowStride] + (state.batchAxis.map { [strides[$0]] } ?? []) + [strides[state.hiddenAxis]]
      let offset = state.chosen.reduce(state.rows.lowerBound * rowStride) { $0 + $1.value * strides[$1.key] }
      if let shape, let part = try given.gathered(shape, strides: steps, offset: offset)
      {
        rows.append(part)
      }
    }
    guard !rows.isEmpty else { return nil }
    guard rows.count == module.links.count,
      rows.allSatisfy({
        $0.shape.dimensions.dropFirst() == rows[0].shape.dimensions.dropFirst() && $0.elementType == rows[0].elementType
      })
    else {
      throw RNNError(
        .badData, place: "module \(module.name)",
        "some of its layers' starting states are given and others not, or they differ in size",
        remedy: "give all of them")
    }
    return try Tensor.concatenated(rows, axis: 0)
  }
}
