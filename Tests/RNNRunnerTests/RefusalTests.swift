import RNNModel
import RNNRunner
import Testing

/// What a plan, a run and a state refuse, and in which words.
@Suite struct RefusalTests {
  @Test func refusesUnknownModulesInTheChain() throws {
    let model = try model([
      .recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3)),
      .unknown(UnknownModule(name: "conv", tensorNames: ["conv.weight", "conv.bias"])),
      .linear(Linear(name: "fc", inFeatures: 3, outFeatures: 1)),
    ])
    expect(
      "module conv: RNNKit cannot run what its tensors conv.weight, conv.bias belong to; "
        + "choose modules: [\"rnn\", \"fc\"] to leave it out"
    ) { () throws(RNNError) in _ = try Plan(model) }
    #expect(try Plan(model, modules: ["rnn", "fc"]).outputSize == 1)
  }

  @Test func refusesModulesThatDoNotFollowEachOther() throws {
    let model = try model(Architecture(
      modules: [
        .recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3)),
        .linear(Linear(name: "fc", inFeatures: 4, outFeatures: 1)),
      ], forward: nil))
    expect(
      "module fc: it takes 4 features, and what it is applied to has 3; name modules that follow each other with modules"
    ) { () throws(RNNError) in _ = try Plan(model, modules: ["rnn", "fc"]) }
  }

  @Test func refusesNamesOfNoModule() throws {
    let model = try self.model([.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3))])
    expect("module gru: the model has no module of this name; use one of rnn") { () throws(RNNError) in
      _ = try Plan(model, modules: ["gru"])
    }
  }

  @Test func refusesAnOrderTheFileDoesNotTell() throws {
    let model = try self.model(Architecture(
      modules: [
        .recurrent(Recurrent(name: "a", cell: .rnn, inputSize: 2, hiddenSize: 2)),
        .recurrent(Recurrent(name: "b", cell: .rnn, inputSize: 2, hiddenSize: 2)),
      ], forward: nil), isOrdered: false)
    expect(
      "the file does not say in which order its modules follow each other, and several fit; "
        + "say what is computed: forward: \"b(a(x))\" or forward: \"a(b(x))\""
    ) { () throws(RNNError) in _ = try Plan(model) }
    #expect(try Plan(model, modules: ["b", "a"]).architecture.modules.map(\.name) == ["b", "a"])
  }

  @Test func refusesARecurrentModuleAfterALastStep() throws {
    let links = [
      Link(.recurrent(Recurrent(name: "a", cell: .gru, inputSize: 2, hiddenSize: 3)), returnsSequence: false),
      Link(.recurrent(Recurrent(name: "b", cell: .rnn, inputSize: 3, hiddenSize: 2))),
    ]
    let model = try self.model(Architecture(modules: links.map(\.module), forward: nil))
    expect(
      "module b: it takes a sequence, and what it is applied to has no time axis; correct the forward"
    ) { () throws(RNNError) in _ = try Plan(model, forward: Forward(links)) }
  }

  @Test func refusesInputsOfTheWrongShapeOrType() throws {
    let plan = try plan()
    let cases: [([Int], String)] = [
      ([2], "its shape is (2,), expected (time, batch, 2 features) or (time, 2 features); reshape it"),
      ([1, 1, 1, 2], "its shape is (1, 1, 1, 2), expected (time, batch, 2 features) or (time, 2 features); reshape it"),
      ([4, 1, 3], "its shape (4, 1, 3) ends in 3 features, expected 2; reshape it"),
      ([0, 1, 2], "its shape (0, 1, 2) has no steps, expected 1 or more; give a sequence that is not empty"),
    ]
    for (shape, message) in cases {
      let input = try RandomModel.tensor(shape, .float32) { 0 }
      expect("input: " + message) { () throws(RNNError) in _ = try plan.run(input) }
    }
    let numbers = try require(Shape([2, 2]).flatMap { Tensor([1, 2, 3, 4] as [Int64], $0) })
    expect("input: its type is int64, expected a float type; convert it to float32") { () throws(RNNError) in
      _ = try plan.run(numbers)
    }
  }

  @Test func refusesIndicesOutsideTheEmbedding() throws {
    let plan = try Plan(
      try model([
        .embedding(Embedding(name: "emb", numEmbeddings: 3, embeddingDim: 2)),
        .recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3)),
      ]))
    let input = try require(Shape([2, 2]).flatMap { Tensor([0, 1, 2, 3] as [Int64], $0) })
    let message =
      "input, step 1, row 1: index 3 is not in the embedding emb, expected 0 to 2; correct the input"
    expect(message) { () throws(RNNError) in _ = try plan.run(input) }
    let runner = try Runner(plan, batch: 2)
    var state = try plan.state(batch: 2)
    var output = [Float](repeating: 0, count: 12)
    expect(message) { () throws(RNNError) in
      var span = output.mutableSpan
      try runner.run(indices: ([0, 1, 2, 3] as [Int]).span, steps: 2, &state, into: &span)
    }
    #expect(state.h("rnn")?.doubles.allSatisfy { $0 == 0 } == true)
    let floats = try RandomModel.tensor([2, 2], .float32) { 0 }
    expect("input: its type is float32, expected whole numbers; convert it to int64") { () throws(RNNError) in
      _ = try plan.run(floats)
    }
  }

  @Test func refusesLengthsThatDoNotFit() throws {
    let plan = try plan()
    let input = try RandomModel.tensor([4, 2, 2], .float32) { 0 }
    expect("lengths: 1 lengths, expected 2, one for each row; correct the lengths") { () throws(RNNError) in
      _ = try plan.run(input, lengths: [3])
    }
    for (length, row) in [(0, 1), (5, 1), (-1, 1)] {
      expect("lengths, row \(row): \(length), expected 1 to 4; correct the lengths") { () throws(RNNError) in
        _ = try plan.run(input, lengths: [2, length])
      }
    }
    #expect(throws: Never.self) { try plan.run(input, lengths: [2, 0], isPiece: true) }
  }

  @Test func refusesToStreamAReverseDirection() throws {
    for direction in [Recurrent.Direction.bidirectional, .reverse] {
      let plan = try plan(direction)
      let message = "the reverse direction of \(try #require(plan.architecture.modules.first).name) needs the whole sequence at once; run it whole"
      expect(message) { () throws(RNNError) in _ = try Runner(plan) }
      let input = try RandomModel.tensor([4, 2, 2], .float32) { 0 }
      expect(message) { () throws(RNNError) in _ = try plan.run(input, isPiece: true) }
    }
  }

  @Test func refusesStatesThatDoNotFit() throws {
    let plan = try plan()
    var state = try plan.state(batch: 2)
    let wrong = try RandomModel.tensor([1, 1, 3], .float32) { 0 }
    expect("h0 of module rnn: its shape is (1, 1, 3), expected (1, 2, 3); give (layers·directions, batch, size)") {
      () throws(RNNError) in try state.setH(wrong, "rnn")
    }
    expect("module rnn: it has no cell state c, only an LSTM has; leave c0 out") { () throws(RNNError) in
      try state.setC(wrong, "rnn")
    }
    let input = try RandomModel.tensor([4, 3, 2], .float32) { 0 }
    expect(
      "state: it is of 2 rows of float32, or of other modules; the input has 3 rows; "
        + "make it with state(batch: 3) of the same plan"
    ) { () throws(RNNError) in _ = try plan.run(input, state: state) }
    let runner = try Runner(plan, batch: 1)
    var output: [Float] = [0, 0, 0]
    expect("the state is of another plan or batch size; make it with plan.state(batch: 1)") { () throws(RNNError) in
      var span = output.mutableSpan
      try runner.step(([0, 0] as [Float]).span, &state, into: &span)
    }
  }

  @Test func refusesStepsOfTheWrongSize() throws {
    let plan = try plan()
    let runner = try Runner(plan)
    var state = try plan.state(batch: 1)
    var output: [Float] = [0, 0]
    expect("2 values in and 2 out for 1 steps; give 1 × 1 × 2 values in and 1 × 1 × 3 out, of 1 step or more") {
      () throws(RNNError) in
      var span = output.mutableSpan
      try runner.step(([0, 0] as [Float]).span, &state, into: &span)
    }
    var wide: [Double] = [0, 0, 0]
    expect("float64 input for a plan that computes in float32; make the plan with precision .float64") {
      () throws(RNNError) in
      var span = wide.mutableSpan
      try runner.step(([0, 0] as [Double]).span, &state, into: &span)
    }
  }

  @Test func runsAnEmptyBatch() throws {
    let plan = try plan()
    let outputs = try plan.run(RandomModel.tensor([4, 0, 2], .float32) { 0 })
    #expect(outputs.output?.shape.dimensions == [4, 0, 3])
    #expect(outputs.hn("rnn")?.shape.dimensions == [1, 0, 3])
  }

  private func plan(_ direction: Recurrent.Direction = .forward) throws -> Plan {
    try Plan(model([.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 2, hiddenSize: 3, direction: direction))]))
  }

  private func model(_ modules: [Module]) throws -> Model { try model(Architecture(modules: modules)) }

  private func model(_ architecture: Architecture, isOrdered: Bool = true) throws -> Model {
    var archive = TensorArchive(isOrdered: isOrdered)
    for module in architecture.modules {
      for (name, shape) in Model.parameters(of: module) {
        try archive.append(name, RandomModel.tensor(shape, .float32) { 0.1 })
      }
    }
    return try Model(archive, architecture: architecture)
  }

  /// Expects an error of exactly these words.
  private func expect(
    _ message: String, _ location: SourceLocation = #_sourceLocation, _ body: () throws(RNNError) -> Void
  ) {
    do throws(RNNError) {
      try body()
      Issue.record("nothing was thrown, expected: \(message)", sourceLocation: location)
    } catch {
      #expect(error.description == message, sourceLocation: location)
    }
  }
}
