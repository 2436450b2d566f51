import CRNNKernels
import RNNModel
import RNNRunner
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The functions of the kernels against the C library's in a wider type. All float32 inputs: `Benchmarks/exhaustive.c`.
@Suite struct FunctionTests {
  @Test(arguments: InstructionSet.available)
  func float32FunctionsAreWithinOneAndAHalfUlp(_ set: InstructionSet) throws {
    let inputs = float32Inputs
    let cases: [(rnnkit_function, (Double) -> Double)] = [
      (RNNKIT_TANH, { tanh($0) }), (RNNKIT_SIGMOID, { $0 >= 0 ? 1 / (1 + exp(-$0)) : exp($0) / (1 + exp($0)) }),
    ]
    for (function, reference) in cases {
      let results = try apply(function, to: inputs, set)
      var largest = 0.0
      for (x, y) in zip(inputs, results) {
        let expected = reference(Double(x))
        let ulp = max(Float(expected).magnitude, .leastNormalMagnitude).ulp
        largest = max(largest, abs(Double(y) - expected) / Double(ulp))
      }
      #expect(largest <= 1.5, "\(function)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func elseFunctionsAreWithinAFewUlp(_ set: InstructionSet) throws {
    let inputs = float32Inputs.filter { $0.magnitude < 80 }
    // What is computed as a sum of two terms is measured against the larger one.
    let cases: [(rnnkit_activation, (Double) -> Double)] = [
      (rnnkit_activation(function: RNNKIT_ELU, alpha: 1, beta: 0), { $0 < 0 ? expm1($0) : $0 }),
      (rnnkit_activation(function: RNNKIT_SOFTPLUS, alpha: 0, beta: 0), { max($0, 0) + log1p(exp(-abs($0))) }),
      (rnnkit_activation(function: RNNKIT_SOFTSIGN, alpha: 0, beta: 0), { $0 / (1 + abs($0)) }),
      (rnnkit_activation(function: RNNKIT_SCALED_TANH, alpha: 1, beta: 1), { tanh($0) }),
    ]
    for (activation, reference) in cases {
      let results = try apply(activation, to: inputs, set)
      var largest = 0.0
      for (x, y) in zip(inputs, results) {
        let expected = reference(Double(x))
        let ulp = max(Float(expected).magnitude, .leastNormalMagnitude).ulp
        largest = max(largest, abs(Double(y) - expected) / Double(ulp))
      }
      #expect(largest <= 3, "\(activation.function)")
    }
  }

  @Test func specialValuesAreAsTheyShouldBe() throws {
    for function in [RNNKIT_TANH, RNNKIT_SIGMOID] {
      let isTanh = function == RNNKIT_TANH
      let y = try apply(function, to: [.infinity, -.infinity, .nan, -.nan, 0, -0.0, .leastNonzeroMagnitude] as [Float])
      #expect(y[0] == 1)
      #expect(y[1] == (isTanh ? -1 : 0))
      #expect(y[2].bitPattern == 0x7FC0_0000 && y[3].bitPattern == 0x7FC0_0000)
      #expect(y[4] == (isTanh ? 0 : 0.5) && y[5] == y[4])
      #expect(!isTanh || (y[5].sign == .minus && y[6] == .leastNonzeroMagnitude))
      let wide = try apply(function, to: [.infinity, -.infinity, .nan, 0, -0.0, .leastNonzeroMagnitude] as [Double])
      #expect(wide[0] == 1 && wide[1] == (isTanh ? -1 : 0) && wide[2].bitPattern == 0x7FF8_0000_0000_0000)
      #expect(!isTanh || (wide[4].sign == .minus && wide[5] == .leastNonzeroMagnitude))
    }
    #expect(try apply(RNNKIT_SIGMOID, to: [-100] as [Float])[0] == Float(exp(-100.0)))
    #expect(try apply(RNNKIT_SIGMOID, to: [-740] as [Double])[0] == exp(-740.0))
    #expect(try apply(RNNKIT_SOFTSIGN, to: [.infinity, -.infinity] as [Float]) == [1, -1])
  }

  #if arch(x86_64) && canImport(Glibc)
    @Test(arguments: InstructionSet.available)
    func float64FunctionsAreWithinOneAndAHalfUlp(_ set: InstructionSet) throws {
      var generator = Generator(seed: 3)
      let inputs = (0..<200_000).map { _ in
        generator.chance(0.5) ? generator.uniform(20) : generator.uniform(1) * exp2(generator.uniform(40))
      }.filter { $0.magnitude < 700 }
      let cases: [(rnnkit_function, (Float80) -> Float80)] = [
        (RNNKIT_TANH, { tanhl($0) }), (RNNKIT_SIGMOID, { $0 >= 0 ? 1 / (1 + expl(-$0)) : expl($0) / (1 + expl($0)) }),
      ]
      for (function, reference) in cases {
        let results = try apply(function, to: inputs, set)
        var largest = 0.0
        for (x, y) in zip(inputs, results) {
          let expected = reference(Float80(x))
          let ulp = max(Double(expected).magnitude, .leastNormalMagnitude).ulp
          largest = max(largest, Double(abs(Float80(y) - expected) / Float80(ulp)))
        }
        #expect(largest <= 1.5, "\(function)")
      }
    }
  #endif

  /// 1.6 million numbers of all exponents, and those near zero and one where results change most.
  private var float32Inputs: [Float] {
    var generator = Generator(seed: 2)
    var inputs = stride(from: UInt32(0), to: 0x7F80_0000, by: 2861).flatMap { bits in
      [Float(bitPattern: bits), -Float(bitPattern: bits)]
    }
    inputs += (0..<100_000).map { _ in Float(generator.uniform(20)) }
    return inputs
  }

  private func apply<R: DefinedReal>(
    _ function: rnnkit_function, to inputs: [R], _ set: InstructionSet? = nil
  ) throws -> [R] {
    try apply(rnnkit_activation(function: function, alpha: 0, beta: 0), to: inputs, set)
  }

  private func apply<R: DefinedReal>(
    _ activation: rnnkit_activation, to inputs: [R], _ set: InstructionSet? = nil
  ) throws -> [R] {
    let name = try set ?? InstructionSet.preferred
    let kernels = try require(rnnkit_kernels_named(name.rawValue)).pointee
    let operations = R.lanes == 16 ? kernels.float32 : kernels.float64
    let whole = (inputs.count + 15) / 16 * 16
    let values = UnsafeMutableRawPointer.allocate(byteCount: whole * MemoryLayout<R>.size, alignment: 64)
    defer { values.deallocate() }
    let typed = values.bindMemory(to: R.self, capacity: whole)
    typed.initialize(repeating: 0, count: whole)
    for (index, input) in inputs.enumerated() { typed[index] = input }
    operations.activate(activation, values, inputs.count, 1, whole)
    return (0..<inputs.count).map { typed[$0] }
  }
}
