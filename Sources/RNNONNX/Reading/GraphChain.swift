import RNNModel

/// The chain that a graph's outputs show: its links, and the layout of its input.
struct GraphChain {
  let reader: GraphReader
  let links: [ChainLink]
  /// Of the data input.
  let input: Int
  /// Nil where the graph's input tells neither way, having no batch axis.
  let batchFirst: Bool?
  /// What stands around the links.
  let frame: Frame
  /// Whether the chain goes on from the last recurrent node with its last state alone.
  let endsInLastStep: Bool

  /// Walks the graph and checks that every output is something a run gives.
  init(_ reader: consuming GraphReader) throws(RNNError) {
    let outputs = try reader.outputs()
    var links = reader.links
    guard links.contains(where: { $0.recurrent != nil }) else {
      throw RNNError(
        .badData, place: reader.graph.node.first { $0.isRecurrent }.map(OperatorNode.place),
        "no output of the graph depends on it",
        remedy: "make what it gives one of the graph's outputs, or use the framework's own file")
    }
    guard let last = links.indices.last else { throw RNNError(.defect, "a chain without links") }
    for output in outputs { try Self.check(output.name, output.value, &reader) }
    for use in reader.uses {
      let version: Int
      let place: String
      switch use.source {
      case .input(let input):
        (version, place) = (reader.inputGain == nil ? 0 : 1, "the graph's input \(reader.inputs[input].name)")
      case .link(let link): (version, place) = (links[link].version, "what \(links[link].place) gives")
      }
      guard use.version == version else {
        throw RNNError(
          .badData, place: use.place, "it reads \(place) before a function that another reader has applied",
          remedy: OperatorNode.remedy)
      }
    }
    for index in links.indices {
      let link = links[index]
      guard index == last || (link.gain == nil && link.skip == nil) else {
        throw RNNError(
          .badData, place: link.place, "a sum or product follows it, which RNNKit knows at the end of a chain only",
          remedy: OperatorNode.remedy)
      }
    }
    // α·x at the end of the chain is a gain.
    if case .linear(var linear) = links[last].module, linear.isOpen,
      case .elementwise(.affine(let alpha, 0)) = linear.activation
    {
      linear.activation = .elementwise(.identity)
      linear.isOpen = false
      links[last].module = .linear(linear)
      links[last].gain = alpha
    }
    let recurrent = links.compactMap(\.recurrent)
    guard recurrent.allSatisfy({ $0.lengths == recurrent[0].lengths }) else {
      throw RNNError(
        .badData, "some recurrent nodes have sequence_lens and others have not, or others",
        remedy: "give all of them the same lengths")
    }
    guard case .input(let input) = links[0].source else { throw RNNError(.defect, "a chain without input") }
    if let gain = reader.inputGain, gain.features != nil, let layout = reader.layout,
      (layout.time + layout.batch).contains(.input(gain.input, axis: reader.inputs[gain.input].shape.count - 1)) {
      throw RNNError(
        .badData, place: "input \(reader.inputs[gain.input].name)", "it is multiplied by more than one number",
        remedy: OperatorNode.remedy)
    }
    let lastRecurrent = links.lastIndex { $0.recurrent != nil } ?? 0
    // Links that read the last step, or a head of which no output is given but for the last step.
    var ends: [Bool] = []
    for case .flow(let flow) in outputs.map(\.value) where flow.source == .link(last) && last > lastRecurrent {
      ends.append(reader.isLast(flow))
    }
    endsInLastStep =
      links[(lastRecurrent + 1)...].contains { $0.sourceMoment != .every } || (!ends.isEmpty && ends.allSatisfy { $0 })
    self.reader = reader
    self.links = links
    self.input = input
    batchFirst = Self.batchFirst(reader, input)
    var frame = Frame(skip: links[last].skip ?? 0)
    frame.inputGain = reader.inputGain?.factor ?? 1
    frame.gainedFeatures = reader.inputGain?.features
    frame.outputGain = links[last].gain ?? 1
    self.frame = frame
  }

  /// Whether an output is the chain's end, the last recurrent layer's output, or a state.
  private static func check(_ name: String, _ value: GraphValue, _ reader: inout GraphReader) throws(RNNError) {
    func refuse(_ problem: String) -> RNNError {
      RNNError(.badData, place: "output \(name)", problem, remedy: OperatorNode.remedy)
    }
    guard case .flow(let flow) = value, case .link(let index) = flow.source else {
      throw refuse("it is no layer's output")
    }
    reader.use(flow, "output \(name)")
    // The states of every recurrent layer are there; so are both outputs that a run gives.
    if !flow.rows.isEmpty, reader.isLast(flow) { return }
    let lastRecurrent = reader.links.lastIndex { $0.recurrent != nil }
    guard index == reader.links.count - 1 || index == lastRecurrent else {
      throw refuse("it is the output of \(reader.links[index].place), in the middle of the chain")
    }
  }

  /// From which axes of the graph's input became time and batch.
  private static func batchFirst(_ reader: GraphReader, _ input: Int) -> Bool? {
    func axis(_ atoms: [Flow.Atom]?) -> Int? {
      if case .input(input, let axis)? = atoms?.first { axis } else { nil }
    }
    let shape = reader.inputs[input].shape
    switch (axis(reader.layout?.time), axis(reader.layout?.batch)) {
    case (let time?, let batch?): return batch < time
    // The other axis has size 1 and was dropped on the way.
    case (let time?, nil) where shape.count > 1 && time <= 1 && shape[1 - time] == .known(1): return time == 1
    case (nil, let batch?) where shape.count > 1 && batch <= 1 && shape[1 - batch] == .known(1): return batch == 0
    default: return nil
    }
  }
}
