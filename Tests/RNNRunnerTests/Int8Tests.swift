import RNNModel
import RNNRunner
import Testing

/// Models with weights of int8 against the plain implementation of `Schemas/numbers.md`, bit for bit.
extension DefinitionTests {
  @Test(arguments: InstructionSet.available, Values.allCases)
  func givesTheDefinedBitsOfInt8(_ set: InstructionSet, _ values: Values) throws {
    for seed in 0..<modelCount {
      var generator = Generator(seed: UInt64(seed) * 4 + 5)
      var random = try RandomModel(&generator, values: values)
      guard let (model, _, _, _) = try? random.model.quantized() else { continue }
      random.model = model
      try compare(random, Float.self, .float32, set, "seed \(seed)")
    }
  }

  /// float64 computes with the numbers that they stand for.
  @Test func computesInt8InFloat64WithWhatTheyStandFor() throws {
    var generator = Generator(seed: 8)
    let module = Recurrent(name: "rnn", cell: .gru, inputSize: 5, hiddenSize: 19, numLayers: 2)
    let (model, _, _, _) = try RandomModel.model([.recurrent(module)], 0.3, &generator).quantized()
    let input = try RandomModel.tensor([7, 2, 5], .float64) { generator.uniform(2) }
    let whole = try require(Plan(model, precision: .float64).run(input).output)
    let plain = try require(Plan(model.dequantized(to: .float64), precision: .float64).run(input).output)
    #expect(whole.isIdentical(to: plain))
  }

  /// Rows by the hundred, wide layers, a projection, many steps, and linear layers of few outputs.
  @Test(arguments: InstructionSet.available) func givesTheDefinedBitsOfInt8ForLargeBatchesAndLongSequences(_ set: InstructionSet) throws {
    for (seed, (batch, steps, hidden)) in [(1, 300, 40), (50, 5, 70), (13, 20, 130), (2, 3, 300)].enumerated() {
      for cell in [Recurrent.Cell.rnn, .lstm, .gru] {
        var generator = Generator(seed: UInt64(seed))
        let proj = cell == .lstm && seed % 2 == 0 ? hidden - 7 : 0
        let recurrent = Recurrent(name: "rnn", cell: cell, inputSize: 37, hiddenSize: hidden, projSize: proj)
        let linear = Linear(name: "fc", inFeatures: proj > 0 ? proj : hidden, outFeatures: 3)
        let (model, _, _, _) = try RandomModel.model([.recurrent(recurrent), .linear(linear)], 0.2, &generator).quantized()
        let input = try RandomModel.tensor([steps, batch, 37], .float32) { generator.uniform(2) }
        let result = try Plan(model, instructionSet: set).run(input, threads: 2)
        try compare(require(result.results.first?.tensor ?? result.output), of: input, model, rows: [0, batch / 2, batch - 1], "\(cell)")
      }
    }
  }
}
