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
  private(set) var batchFirst: Bool?

  /// Checks that every output is something a run gives.
  ///
  /// - Parameter values: What is known of the outputs, as the reader's `outputs` gave it.
  init(_ reader: consuming GraphReader, _ values: [(name: String, value: GraphValue)]) throws(RNNError) {
    var found: [Output] = []
    var recurrent: [Int] = []
    var isTimeFirst: Bool?
    for output in values {
      guard case .flow(let flow) = output.value else {
        if case .missing(let reason) = output.value { throw reason }
        throw Self.refuse(output.name, "it is no layer's output")
      }
      isTimeFirst = isTimeFirst ?? reader.isTimeFirst(flow)
      if flow.isState {
        recurrent += flow.rows.map(\.step)
        guard Self.isValue(flow, reader) else { continue }
      }
      var source = flow.source
      if !flow.isOpaque {
        var proto = NodeProto()
        (proto.name, proto.opType) = (output.name, "output")
        source = try reader.source(of: reader.gathered(flow), OperatorNode(proto, opset: reader.opset))
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
    let isRecurrent = live.contains { steps[$0].recurrent != nil }
    // A graph without a recurrent layer is a model where all of it is understood and steps in time were found.
    guard isRecurrent || !reader.timeAxes.isEmpty && !live.isEmpty && !reader.graph.node.contains(where: \.isRecurrent)
      && !live.contains(where: { if case .unknown = steps[$0].operation { true } else { false } })
    else {
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
    if let (atom, place) = reader.featureAxes.filter({ reader.timeAxes[$0.key] != nil }).min(by: { $0.value < $1.value }) {
      throw RNNError(
        .badData, place: place, "it takes an axis for features that \(reader.timeAxes[atom] ?? "") takes for time", remedy: OperatorNode.remedy)
    }
    if let time = reader.layout?.time.first?.origin?.axis, !reader.timeAxes.isEmpty {
      if let other = reader.timeAxes.filter({ $0.key.origin?.axis != time }).min(by: { $0.value < $1.value }) {
        throw RNNError(
          .badData, place: other.value, "it is over another axis than a recurrent node, which tells that of time", remedy: OperatorNode.remedy)
      }
    }
    let lengths = Set(live.compactMap { steps[$0].recurrent }.map(\.lengths))
    guard lengths.count <= 1, case let lengths = lengths.first ?? nil else {
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
    let batchFirst = Self.batchFirst(reader)
    self.reader = reader
    self.batchFirst = batchFirst
    (self.steps, self.live, outputs) = (steps, live, found)
    // Inputs that say all their axes leave it to the outputs.
    if !inputs.isEmpty, inputs.allSatisfy({ axes(of: $0) != nil }) { self.batchFirst = !(isTimeFirst ?? false) }
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

  /// The axes of an input where they are not batch, time and features in one of the usual orders; nil where they are, or are not
  /// known.
  func axes(of input: Int) -> [Forward.Input.Axis]? {
    let own = reader.inputs[input]
    func isOwn(_ atom: Flow.Atom) -> Bool { atom.origin?.input == input }
    let time = (reader.layout?.time.first(where: isOwn) ?? reader.timeAxes.keys.filter(isOwn).min { ($0.origin?.axis ?? 0) < ($1.origin?.axis ?? 0) })?.origin?.axis
    let isEmbedded = live.contains { index in
      if case .embedding = steps[index].operation { steps[index].inputs == [.input(input)] } else { false }
    }
    guard let time, own.type.isWeight, !isEmbedded else { return nil }
    let taken = Set(reader.featureAxes.keys.filter(isOwn).compactMap { $0.origin?.axis })
    let batch = reader.layout?.batch.first(where: isOwn)?.origin?.axis ?? own.shape.indices.first { $0 != time && !taken.contains($0) }
    let rest = own.shape.indices.filter { $0 != time && $0 != batch }
    guard let batch, own.shape.count != 3 || rest != [2] else { return nil }
    let sizes = own.shape.map(\.value)
    let size = rest.reduce(Extent.known(1)) { $0 * own.shape[$1] }.value
    guard let size, size <= Limits.maximumModuleSize else { return nil }
    return own.shape.indices.map { $0 == time ? .time : $0 == batch ? .batch : .size(sizes[$0] ?? 1) }
  }

  /// From which axes of a graph input became time and batch.
  private static func batchFirst(_ reader: borrowing GraphReader) -> Bool? {
    func axis(_ atoms: [Flow.Atom]?) -> (input: Int, axis: Int)? { atoms?.first?.origin }
    func isOne(_ input: Int, _ axis: Int) -> Bool {
      let shape = reader.inputs[input].shape
      return shape.count > 1 && axis <= 1 && shape[1 - axis] == .known(1)
    }
    if reader.layout == nil, let time = reader.timeAxes.keys.compactMap(\.origin).map({ $0.axis }).min() {
      // The first of the axes that are neither is that of the batch.
      return time > 0
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
