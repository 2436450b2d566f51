import RNNModel

/// What a graph's outputs show: the steps that they depend on, and the layout of its inputs.
struct GraphForward {
  /// One output of the graph that is a value of the forward.
  struct Output {
    var name: String
    var source: Flow.Source
  }

  let reader: GraphReader
  let steps: [GraphStep]
  let outputs: [Output]
  /// The steps that outputs depend on, in order.
  let live: [Int]
  /// The graph's inputs that steps take.
  let inputs: [Int]
  /// The graph input that gives the sequences' lengths.
  let lengths: Int?
  /// Nil where the graph's input tells neither way.
  let batchFirst: Bool?

  /// Walks the graph and checks that every output is something a run gives.
  init(_ reader: consuming GraphReader) throws(RNNError) {
    let values = try reader.outputs()
    var found: [Output] = []
    var recurrent: [Int] = []
    for output in values {
      guard case .flow(let flow) = output.value else {
        if case .missing(let reason) = output.value { throw reason }
        throw Self.refuse(output.name, "it is no layer's output")
      }
      if flow.isState {
        recurrent += flow.rows.map(\.step)
        guard Self.isValue(flow, reader) else { continue }
      }
      var source = flow.source
      if !flow.isOpaque {
        var proto = NodeProto()
        (proto.name, proto.opType) = (output.name, "output")
        source = try reader.source(of: flow, OperatorNode(proto, opset: reader.opset))
      }
      if case .input(let input) = source, !reader.inputs[input].type.isWeight {
        throw Self.refuse(output.name, "it is no layer's output")
      }
      found.append(Output(name: output.name, source: source))
    }
    // Of states alone, what they are the states of.
    if found.isEmpty, let last = recurrent.max() { found = [Output(name: "output", source: .step(last))] }
    let steps = reader.steps
    let used = Self.reached(from: found.map(\.source) + recurrent.map(Flow.Source.step), steps)
    let live = steps.indices.filter { used.contains(.step($0)) }
    guard live.contains(where: { steps[$0].recurrent != nil }) else {
      if let reason = reader.firstRefusal { throw reason }
      throw RNNError(
        .badData, place: reader.graph.node.first { $0.isRecurrent }.map(OperatorNode.place),
        "no output of the graph depends on it",
        remedy: "make what it gives one of the graph's outputs, or use the framework's own file")
    }
    if let layout = reader.layout {
      for (atom, place) in reader.featureAxes.sorted(by: { $0.value < $1.value })
      where (layout.time + layout.batch).contains(atom) {
        throw RNNError(
          .badData, place: place, "it takes an axis for features that a recurrent node takes for time or sequences",
          remedy: OperatorNode.remedy)
      }
    }
    if let layout = reader.layout, !reader.timeAxes.isEmpty {
      let time = layout.time.first?.origin?.axis
      if let other = reader.timeAxes.filter({ $0.key.origin?.axis != time }).min(by: { $0.value < $1.value }) {
        throw RNNError(
          .badData, place: other.value, "it is over another axis than a recurrent node, which tells that of time", remedy: OperatorNode.remedy)
      }
    }
    let lengths = Set(live.compactMap { steps[$0].recurrent }.map(\.lengths))
    guard lengths.count == 1, let lengths = lengths.first else {
      throw RNNError(
        .badData, "some recurrent nodes have sequence_lens and others have not, or others",
        remedy: "give all of them the same lengths")
    }
    if let turned = live.first(where: { reader.turnedWithin[$0].map { $0 != lengths } ?? false }) {
      throw RNNError(
        .badData, place: steps[turned].place, "it turns sequences round within other lengths than the recurrent nodes have",
        remedy: "give ReverseSequence the sequence_lens of the recurrent nodes")
    }
    let overTime = live.first { index in
      switch steps[index].operation {
      case .convolution, .plain(.window), .plain(.overTime): true
      default: false
      }
    }
    if lengths != nil, let overTime {
      throw RNNError(
        .badData, place: steps[overTime].place, "it is over all steps, whatever the lengths that the recurrent nodes have",
        remedy: "export the model without lengths")
    }
    self.lengths = lengths
    inputs = reader.inputs.indices.filter { used.contains(.input($0)) }
    batchFirst = Self.batchFirst(reader)
    self.reader = reader
    (self.steps, self.live, outputs) = (steps, live, found)
  }

  private static func refuse(_ output: String, _ problem: String) -> RNNError {
    RNNError(.badData, place: "output \(output)", problem, remedy: OperatorNode.remedy)
  }

  /// Whether states are given as a value rather than for the next run, which is given them back.
  private static func isValue(_ flow: Flow, _ reader: borrowing GraphReader) -> Bool {
    guard !flow.isOpaque, flow.axes.count == 2, !flow.axes.contains([.rows]) else { return false }
    return flow.rows.allSatisfy { row in
      reader.steps[row.step].recurrent.map { flow.quantity == .hn ? !$0.h0.isGiven : !$0.c0.isGiven } ?? false
    }
  }

  /// What values depend on, themselves among it.
  static func reached(from sources: [Flow.Source], _ steps: [GraphStep]) -> Set<Flow.Source> {
    var reached = Set<Flow.Source>()
    var waiting = sources
    while let source = waiting.popLast() {
      guard reached.insert(source).inserted, case .step(let index) = source else { continue }
      waiting += steps[index].inputs
    }
    return reached
  }

  /// From which axes of a graph input became time and batch.
  private static func batchFirst(_ reader: borrowing GraphReader) -> Bool? {
    func axis(_ atoms: [Flow.Atom]?) -> (input: Int, axis: Int)? { atoms?.first?.origin }
    func isOne(_ input: Int, _ axis: Int) -> Bool {
      let shape = reader.inputs[input].shape
      return shape.count > 1 && axis <= 1 && shape[1 - axis] == .known(1)
    }
    switch (axis(reader.layout?.time), axis(reader.layout?.batch)) {
    case (let time?, let batch?): return batch.axis < time.axis
    // The other axis has size 1 and was dropped on the way.
    case (let time?, nil) where isOne(time.input, time.axis): return time.axis == 1
    case (nil, let batch?) where isOne(batch.input, batch.axis): return batch.axis == 0
    default: return nil
    }
  }
}
