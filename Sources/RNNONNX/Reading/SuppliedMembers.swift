import RNNFormats
import RNNModel

/// Gives tensors that were supplied under the names of a graph's inputs the names and shapes of a run's members.
struct SuppliedMembers {
  private let chain: GraphChain
  private let modules: [(name: String, links: [RecurrentLink])]

  init(_ chain: GraphChain, _ parts: ChainModules, _ architecture: Architecture) {
    self.chain = chain
    modules = parts.parts.compactMap { part in
      let links = part.links.compactMap { chain.links[$0].recurrent }
      return links.isEmpty ? nil : (part.name, links)
    }
  }

  /// `input`, `lengths`, `h0`, `c0`, or `<module>.h0` where the chain has several recurrent modules. Weights are left
  /// out; tensors that no input of the graph is named after keep their names.
  func rename(_ supplied: [NamedTensor]) throws(RNNError) -> [NamedTensor] {
    let inputs = chain.reader.inputs
    func tensor(_ input: Int) -> Tensor? { supplied.first { $0.name == inputs[input].name }?.tensor }
    var result: [NamedTensor] = []
    if let tensor = tensor(chain.input) { result.append(NamedTensor("input", indices(tensor) ?? tensor)) }
    if let lengths = modules.first?.links.first?.lengths, let tensor = tensor(lengths) {
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
  private func indices(_ tensor: Tensor) -> Tensor? {
    guard case .embedding = chain.links[0].module, tensor.elementType.isWeight else { return nil }
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
        state.rows.upperBound <= sizes[state.rowsAxis], sizes[state.hiddenAxis] == link.hiddenSize
      else {
        throw RNNError(
          .badData, place: inputs[state.input].name,
          "its shape is \(given.shape), which does not fit the starting state of \(module.name)",
          remedy: "correct the input")
      }
      let batch = state.batchAxis.map { [sizes[$0]] } ?? []
      let shape = Shape([state.rows.count] + batch + [link.hiddenSize])
      let steps =
        [strides[state.rowsAxis]] + (state.batchAxis.map { [strides[$0]] } ?? []) + [strides[state.hiddenAxis]]
      if let shape,
        let part = try given.gathered(
          shape, strides: steps, offset: state.rows.lowerBound * strides[state.rowsAxis])
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
