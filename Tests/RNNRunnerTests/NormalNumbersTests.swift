import RNNModel
import RNNRunner
import Testing

@Suite struct NormalNumbersTests {
  /// The first numbers, by the doc comment's recipe in Python with logarithms of 40 digits.
  @Test func givesTheDocumentedNumbers() {
    var numbers = NormalNumbers(seed: 42)
    let expected = [
      0.49295065581737485, -0.6940056672160174, -1.2810773478777024, -0.901557193497174,
      -0.6018779810957331, 0.6425676289796471, -1.5423606818352653, 1.1416459469338724,
    ]
    for value in expected { #expect(abs(numbers.next() - value) <= 4 * value.ulp.magnitude) }
  }

  @Test func hasMeanZeroAndDeviationOne() {
    var numbers = NormalNumbers(seed: 1)
    let values = (0..<100_000).map { _ in numbers.next() }
    let mean = values.reduce(0, +) / 100_000
    let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 100_000
    #expect(abs(mean) < 0.015 && abs(variance - 1) < 0.02)
    #expect(values.contains { $0 > 3.5 } && values.contains { $0 < -3.5 })
  }

  @Test func setsStatesAlikeForASeed() throws {
    let module = Recurrent(name: "lstm", cell: .lstm, inputSize: 1, hiddenSize: 4, numLayers: 2, projSize: 3)
    var archive = TensorArchive()
    for (name, shape) in Model.parameters(of: .recurrent(module)) {
      try archive.append(name, RandomModel.tensor(shape, .float32) { 0.1 })
    }
    let plan = try Plan(Model(archive, architecture: Architecture(modules: [.recurrent(module)])))
    var state = try plan.state(batch: 2), again = state
    try state.setNormal(sigma: 0.5, seed: 42)
    try again.setNormal(sigma: 0.5, seed: 42)
    var numbers = NormalNumbers(seed: 42)
    let expected = (0..<28).map { _ in Double(Float(0.5 * numbers.next())) }
    #expect(state.h("lstm")?.doubles == Array(expected[..<12]))
    #expect(state.c("lstm")?.doubles == Array(expected[12...]))
    #expect(try require(state.h("lstm")).isIdentical(to: require(again.h("lstm"))))
  }
}
