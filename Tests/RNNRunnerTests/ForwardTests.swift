import RNNModel
import RNNRunner
import Testing

/// What a plan makes of forwards that are no chain.
@Suite struct ForwardTests {
  private let gru = Recurrent(name: "gru", cell: .gru, inputSize: 3, hiddenSize: 5)

  private func model(_ line: String, _ generator: inout Generator, batchFirst: Bool = false) throws -> Model {
    let modules: [Module] = [
      .recurrent(gru), .recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 4, hiddenSize: 5)),
      .linear(Linear(name: "fc", inFeatures: 5, outFeatures: 2)), .linear(Linear(name: "both", inFeatures: 10, outFeatures: 2)),
      .embedding(Embedding(name: "emb", numEmbeddings: 7, embeddingDim: 3)),
    ]
    var archive = TensorArchive()
    for module in modules {
      for (name, shape) in Model.parameters(of: module) {
        try archive.append(name, RandomModel.tensor(shape, .float32) { generator.uniform(0.7) })
      }
    }
    let forward = try Forward(line: line, modules: modules, batchFirst: batchFirst)
    return try Model(archive, architecture: Architecture(modules: modules, forward: forward, batchFirst: batchFirst))
  }

  /// Long sequences are taken in pieces of memory: a step that is kept from piece to piece is each sequence's own last.
  @Test func keepsTheLastStepOverPieces() throws {
    var generator = Generator(seed: 1)
    let model = try model("last(relu(gru(x)) * 2)", &generator)
    let plan = try Plan(model), whole = try Plan(model, forward: Forward(line: "relu(gru(x)) * 2", modules: model.architecture.modules, batchFirst: false))
    let (steps, batch) = (9000, 3)
    let input = try RandomModel.tensor([steps, batch, 3], .float32) { generator.uniform(1) }
    let lengths = [9000, 17, 4321]
    let found: [Float] = bits(try require(plan.run(input, lengths: lengths).y))
    let all: [Float] = bits(try require(whole.run(input, lengths: lengths).y))
    for (row, length) in lengths.enumerated() {
      let start = ((length - 1) * batch + row) * 5
      #expect(same(Array(found[row * 5..<(row + 1) * 5]), Array(all[start..<start + 5])), "row \(row)")
    }
    #expect(throws: RNNError.self) { try plan.run(input, lengths: [0, 1, 1], isPiece: true) }
  }

  /// Two inputs, of numbers and of indices, and two outputs.
  @Test(arguments: [false, true])
  func takesAndGivesSeveralValues(_ batchFirst: Bool) throws {
    var generator = Generator(seed: 2)
    let line = "words, signal -> logits, memory; a = gru(emb(words)); b = lstm(signal); both(cat(a, b)), last(b)"
    let model = try model(line, &generator, batchFirst: batchFirst)
    let plan = try Plan(model)
    #expect(plan.inputs.map(\.name) == ["words", "signal"] && plan.inputs.map(\.indexCount) == [7, nil])
    #expect(plan.outputs.map(\.name) == ["logits", "memory"] && plan.outputs.map(\.hasTime) == [true, false])
    let axes = batchFirst ? [2, 6] : [6, 2]
    let words = try require(Shape(axes).flatMap { Tensor((0..<12).map { Int64($0 % 7) }, $0) })
    let signal = try RandomModel.tensor(axes + [4], .float32) { generator.uniform(1) }
    let outputs = try plan.run([words, signal])
    #expect(outputs.members.map(\.name) == ["output", "gru.hn", "lstm.hn", "lstm.cn", "logits", "memory"])
    func part(_ line: String) throws -> Plan {
      try Plan(model, forward: Forward(line: line, modules: model.architecture.modules, batchFirst: batchFirst))
    }
    let a = try require(part("gru(emb(x))").run(words).output), b = try require(part("lstm(x)").run(signal).output)
    let joined: [Float] = zip(rows(a, 5), rows(b, 5)).flatMap { $0 + $1 }
    let both = try require(Shape(axes + [10]).flatMap { Tensor(joined, $0) })
    let logits = try require(part("both(x)").run(both).y)
    #expect(outputs.results[0].tensor.isIdentical(to: logits))
    let memory: [Float] = bits(try require(part("last(lstm(x))").run(signal).y))
    #expect(same(bits(outputs.results[1].tensor), memory))
    #expect(try plan.inputs(in: [NamedTensor("signal", signal), NamedTensor("words", words)]).map(\.shape) == [words.shape, signal.shape])
    #expect(throws: RNNError.self) { try plan.run(signal) }
    #expect(throws: RNNError.self) { try Runner(plan) }
  }

  private func rows(_ tensor: Tensor, _ size: Int) -> [[Float]] {
    let values: [Float] = bits(tensor)
    return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
  }

  @Test(arguments: [
    ("gru(x) + first(gru(x))", false), ("flip(gru(x))", false), ("at(gru(x), 2)", false), ("gru(x) + last(gru(x))", false),
    ("last(gru(x))", true), ("fc(gru(x)) + x[..., :1]", true), ("gru(x).hn[0]", true), ("softmax(fc(last(gru(x))))", true),
  ])
  func streamsWhatTakesThePastAlone(_ line: String, _ isStreamable: Bool) throws {
    var generator = Generator(seed: 3)
    #expect(try Plan(model(line, &generator)).isStreamable == isStreamable)
  }

  @Test func refusesStepsThatAreNotThere() throws {
    var generator = Generator(seed: 4)
    let plan = try Plan(model("at(gru(x), -5)", &generator))
    let short = try RandomModel.tensor([4, 1, 3], .float32) { 0 }, long = try RandomModel.tensor([5, 1, 3], .float32) { 0 }
    #expect(throws: RNNError(
      .badData, place: "input", "it has 4 steps, and the forward takes one that is not there",
      remedy: "give sequences of 5 steps or more")) { try plan.run(short) }
    #expect(try plan.run(long).y?.shape.dimensions == [1, 5])
  }
}
