import CAllocationCount
import RNNModel
import RNNRunner
import Testing

#if !DEBUG
  /// A step's allocations, counted. Code that is not optimised allocates where the optimiser would not.
  @Suite struct AllocationTests {
    @Test(.enabled(if: allocation_count() >= 0, "allocations cannot be counted here"))
    func countsAllocations() {
      let before = allocation_count()
      let values = (0..<Int.random(in: 100...200)).map { $0 }
      #expect(allocation_count() > before)
      #expect(values.count >= 100)
    }

    @Test(.enabled(if: allocation_count() >= 0, "allocations cannot be counted here"))
    func stepsAllocateNothing() throws {
      for seed in 0..<modelCount {
        var generator = Generator(seed: UInt64(seed) + 300)
        let random = try RandomModel(&generator, element: seed % 4 == 0 ? .float64 : .float32, forward: true)
        let plan = try Plan(random.model)
        let runner = try Runner(plan, batch: 2, maximumSteps: 3)
        var state = try plan.state(batch: 2)
        let steps = 4, outputs = (plan.endsInLastStep ? 2 : 2 * steps) * plan.outputSize
        let indices = [Int](repeating: 0, count: 2 * steps)
        let input = [Float](repeating: 0.1, count: 2 * steps * plan.inputSize)
        let wideInput = [Double](repeating: 0.1, count: 2 * steps * plan.inputSize)
        var output = [Float](repeating: 0, count: outputs)
        var wideOutput = [Double](repeating: 0, count: outputs)
        var narrow = output.mutableSpan, wide = wideOutput.mutableSpan
        let before = allocation_count()
        switch (plan.precision, random.takesIndices) {
        case (.float32, false): try runner.run(input.span, steps: steps, &state, into: &narrow)
        case (.float64, false): try runner.run(wideInput.span, steps: steps, &state, into: &wide)
        case (.float32, true): try runner.run(indices: indices.span, steps: steps, &state, into: &narrow)
        case (.float64, true): try runner.run(indices: indices.span, steps: steps, &state, into: &wide)
        }
        let allocations = allocation_count() - before
        #expect(allocations == 0, "\(plan.architecture)")
      }
    }

    /// Of windows over time with what they leave for the next run, some complete and some not.
    @Test(.enabled(if: allocation_count() >= 0, "allocations cannot be counted here"))
    func stepsOfWindowsAllocateNothing() throws {
      var seen = 0
      for seed in 0..<modelCount * 10 {
        var generator = Generator(seed: UInt64(seed) + 700)
        let chain = AroundDefinitionTests.chain(&generator)
        guard !chain.modules.isEmpty else { continue }
        let plan = try Plan(try AroundDefinitionTests.model(chain, .float32, .ordinary, &generator))
        guard plan.isStreamable, plan.stateMembers.contains(where: { $0.name.hasSuffix("context") }) else { continue }
        seen += 1
        let runner = try Runner(plan, batch: 2, maximumSteps: 3)
        var state = try plan.state(batch: 2)
        let steps = 4, input = [Float](repeating: 0.1, count: 2 * steps * plan.inputSize)
        for _ in 0..<10 {
          var output = [Float](repeating: 0, count: (plan.endsInLastStep ? 2 : 2 * plan.outputSteps(of: steps, after: state)) * plan.outputSize)
          var span = output.mutableSpan
          let before = allocation_count()
          try runner.run(input.span, steps: steps, &state, into: &span)
          let allocations = allocation_count() - before
          #expect(allocations == 0, "\(plan.architecture)")
        }
      }
      #expect(seen > 0)
    }
  }
#endif
