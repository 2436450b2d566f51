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

/// The activations of `DefinedActivations.swift` and the arithmetic of rows: their bits on each instruction set, and the
/// second implementation's nearness to the exact value.
@Suite struct ActivationTests {
  private static var activations: [(kernel: rnnkit_activation, defined: Activation)] {
    [
      (.init(function: RNNKIT_SILU, alpha: 0, beta: 0), .silu), (.init(function: RNNKIT_GELU, alpha: 0, beta: 0), .gelu),
      (.init(function: RNNKIT_GELU_TANH, alpha: 0, beta: 0), .geluTanh),
      (.init(function: RNNKIT_EXP, alpha: 0, beta: 0), .exp), (.init(function: RNNKIT_LOG, alpha: 0, beta: 0), .log),
      (.init(function: RNNKIT_SQRT, alpha: 0, beta: 0), .sqrt), (.init(function: RNNKIT_ABS, alpha: 0, beta: 0), .abs),
      (.init(function: RNNKIT_CLIP, alpha: -0.7, beta: 1e300), .clip(min: -0.7, max: 1e300)),
      (.init(function: RNNKIT_CLIP, alpha: 0, beta: 6), .clip(min: 0, max: 6)),
    ]
  }

  @Test(arguments: InstructionSet.available)
  func kernelsGiveTheDefinedBits(_ set: InstructionSet) throws {
    try expectDefinedBits(Float.self, set)
    try expectDefinedBits(Double.self, set)
  }

  private func expectDefinedBits<R: DefinedReal>(_ type: R.Type, _ set: InstructionSet) throws {
    let inputs: [R] = self.inputs()
    for (kernel, defined) in Self.activations {
      let results = try apply(kernel, to: inputs, set)
      let wrong = zip(inputs, results).first { !same(apply(defined, $0).canonical, $1) }
      #expect(wrong == nil, "\(defined) in \(R.self)")
    }
  }

  /// Values of mpmath at 60 digits, `activations.py`.
  @Test func valuesAreThoseOfManyDigits() throws {
    for (name, points) in activationValues {
      let activation = try #require(Activation(name: name))
      for (x, expected) in points {
        let wide = apply(activation, x)
        #expect(abs(wide - expected) <= 3 * expected.ulp, "\(name) of \(x)")
        // What the rounding of x to float32 changes is no error of the function.
        guard Double(Float(x)) == x else { continue }
        let narrow = apply(activation, Float(x))
        #expect(abs(Double(narrow) - expected) <= 2.5 * Double(max(Float(expected).magnitude, 0x1p-149).ulp), "\(name) of \(x)")
      }
    }
  }

  @Test func specialValuesAreAsTheyShouldBe() {
    for activation in [Activation.silu, .gelu, .geluTanh] {
      #expect(apply(activation, -Float.infinity).bitPattern == (-Float(0)).bitPattern)
      #expect(apply(activation, Float.infinity) == .infinity)
      #expect(apply(activation, -Float(0)).bitPattern == (-Float(0)).bitPattern)
      #expect(apply(activation, Float(0)).bitPattern == 0)
      #expect(apply(activation, Double.nan).isNaN && apply(activation, -1e300) == 0)
    }
    #expect(apply(.exp, -Float.infinity) == 0 && apply(.exp, Float(89)) == .infinity && apply(.exp, Float(0)) == 1)
    #expect(apply(.log, Float(0)) == -.infinity && apply(.log, -Float(1)).isNaN && apply(.log, Float.infinity) == .infinity)
    #expect(apply(.log, Float(1)) == 0)
    #expect(apply(.sqrt, Float(2)) == Float(2).squareRoot() && apply(.sqrt, -Float(1)).isNaN && apply(.abs, -Float(0)).bitPattern == 0)
  }

  @Test(arguments: InstructionSet.available)
  func rowsAreAddedSubtractedMultipliedAndDivided(_ set: InstructionSet) throws {
    try expectDefinedRows(Float.self, set)
    try expectDefinedRows(Double.self, set)
  }

  private func expectDefinedRows<R: DefinedReal>(_ type: R.Type, _ set: InstructionSet) throws {
    let kernels = try require(rnnkit_kernels_named(set.rawValue)).pointee
    let operations = R.lanes == 16 ? kernels.float32 : kernels.float64
    let kinds: [(rnnkit_arithmetic, (R, R) -> R)] = [
      (RNNKIT_ADD, { $0 + $1 }), (RNNKIT_SUBTRACT, { $0 - $1 }), (RNNKIT_MULTIPLY, { $0 * $1 }),
      (RNNKIT_DIVIDE, { $0 / $1 }), (RNNKIT_PRELU, { $0 < 0 ? $1 * $0 : $0 }),
    ]
    var generator = Generator(seed: 11)
    let special: [R] = [0, -0.0, .infinity, -.infinity, .nan, -.nan, 1, -1]
    let pool: [R] = (0..<4000).map { _ in
      generator.chance(0.2) ? special.randomElement(using: &generator) ?? 0 : R(generator.uniform(3))
    }
    for count in [1, 2, 7, 8, 15, 16, 17, 33, 40] {
      for rows in [1, 3] {
        for layout in 0..<32 {
          let single = (a: layout & 1 != 0, b: layout & 2 != 0)
          let gap = layout & 16 != 0 ? 3 : 0
          let stride = (
            a: layout & 4 != 0 ? 0 : single.a ? 2 : count + gap, b: layout & 8 != 0 ? 0 : single.b ? 1 : count
          )
          for (kind, combined) in kinds {
            // One past the end keeps its mark.
            var target = [R](repeating: 77, count: rows * (count + gap) + 1)
            pool.withUnsafeBytes { bytes in
              guard let base = bytes.baseAddress else { return }
              let a = rnnkit_operand(values: base + MemoryLayout<R>.size, stride: stride.a, single: single.a)
              let b = rnnkit_operand(values: base + 1001 * MemoryLayout<R>.size, stride: stride.b, single: single.b)
              target.withUnsafeMutableBytes {
                operations.arithmetic(kind, a, b, count, rows, $0.baseAddress, count + gap)
              }
            }
            var expected = [R](repeating: 77, count: target.count)
            for row in 0..<rows {
              for i in 0..<count {
                let x = pool[1 + row * stride.a + (single.a ? 0 : i)]
                let y = pool[1001 + row * stride.b + (single.b ? 0 : i)]
                expected[row * (count + gap) + i] = combined(x, y).canonical
              }
            }
            #expect(zip(target, expected).allSatisfy { same($0, $1) }, "\(kind) \(count)x\(rows) layout \(layout) \(R.self)")
          }
        }
      }
    }
  }

  private func same<R: DefinedReal>(_ a: R, _ b: R) -> Bool {
    a.isNaN ? b.isNaN && b.sign == .plus : a == b && a.sign == b.sign
  }

  private func inputs<R: DefinedReal>() -> [R] {
    var generator = Generator(seed: 7)
    var inputs: [R] = [
      0, .infinity, .nan, 1, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, R.siluLeast,
      R.geluMost, R.geluTanhMost, R.expMost, R.sigmoidMost, R.expLeast, 0.5, 2, 6,
    ].flatMap { [$0, -$0] }
    inputs += (0..<20_000).map { index in
      let x = generator.uniform(1)
      switch index % 4 {
      case 0: return R(x * 4)
      case 1: return R(x * 20)
      case 2: return R(x * (R.lanes == 16 ? 120 : 800))
      default: return R(x * exp2(generator.uniform(R.lanes == 16 ? 140 : 1060)))
      }
    }
    return inputs
  }

  private func apply<R: DefinedReal>(
    _ activation: rnnkit_activation, to inputs: [R], _ set: InstructionSet
  ) throws -> [R] {
    let kernels = try require(rnnkit_kernels_named(set.rawValue)).pointee
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

  private func apply<R: DefinedReal>(_ activation: Activation, _ x: R) -> R {
    RNNRunnerTests.apply(activation, x)
  }
}
