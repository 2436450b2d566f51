import RNNModel
import RNNRunner
import Testing

/// The runner against float64 arithmetic written from the formulas.
@Suite struct FormulaTests {
  @Test func agreesWithTheFormulas() throws {
    var worst = 0.0
    for seed in 0..<modelCount * 2 {
      var generator = Generator(seed: UInt64(seed) + 1000)
      let random = try RandomModel(&generator, pytorch: seed % 2 == 0, heads: false)
      guard case .recurrent(let module)? = random.model.architecture.modules.first,
        random.model.architecture.modules.count == 1
      else { continue }
      let plan = try Plan(random.model, forward: Forward(chain: [module.name]), precision: .float64)
      let single = try Plan(random.model, forward: Forward(chain: [module.name]), precision: .float32)
      let state = try plan.state(batch: random.batch, members: random.members)
      let wide = try plan.run(random.input, state: state, lengths: random.lengths)
      let narrow = try single.run(
        random.input, state: single.state(batch: random.batch, members: random.members), lengths: random.lengths)
      let inputs = random.input.doubles, features = module.inputSize
      for row in 0..<random.batch {
        let length = random.lengths?[row] ?? random.steps
        let rows = (0..<length).map { step in
          let start = random.position(step, row) * features
          return Array(inputs[start..<start + features])
        }
        let blocks = module.numLayers * module.directionCount
        let h0 = random.state("h", module, row: row)
        let c0 = random.state("c", module, row: row)
        let expected = FormulaModel(model: random.model, module: module).run(
          rows, h0: h0 ?? [[Double]](repeating: [Double](repeating: 0, count: module.stateSize), count: blocks),
          c0: c0 ?? [[Double]](repeating: [Double](repeating: 0, count: module.hiddenSize), count: blocks))
        let scale = 1 + expected.output.joined().map(abs).reduce(0, max) + expected.cn.joined().map(abs).reduce(0, max)
        // Unbounded activations can drive a random network to where rounding is all that is left.
        let isFinite = (expected.output + expected.cn + expected.hn).joined().allSatisfy(\.isFinite)
        guard scale < 100, isFinite else { continue }
        let size = module.outputSize
        for (outputs, tolerance) in [(wide, 1e-11), (narrow, 1e-5)] {
          let found = try require(outputs.output).doubles
          for step in 0..<random.steps {
            let start = random.position(step, row) * size
            for feature in 0..<size {
              let wanted = step < length ? expected.output[step][feature] : 0
              let error = abs(found[start + feature] - wanted) / scale
              if tolerance > 1e-6 { worst = max(worst, error) }
              #expect(error <= tolerance, "seed \(seed), row \(row), step \(step): \(module)")
            }
          }
          let state = outputs.state
          for (tensor, wanted) in [(state.h(module.name), expected.hn), (state.c(module.name), expected.cn)] {
            guard let found = tensor?.doubles else { continue }
            for (block, values) in wanted.enumerated() {
              for (unit, value) in values.enumerated() {
                let error = abs(found[(block * random.batch + row) * values.count + unit] - value) / scale
                #expect(error <= tolerance, "seed \(seed), row \(row), block \(block): \(module)")
              }
            }
          }
        }
      }
    }
    print("largest error of float32 against the formulas, relative to the largest value: \(worst)")
  }
}
