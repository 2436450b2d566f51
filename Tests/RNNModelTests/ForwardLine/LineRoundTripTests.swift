import RNNModel
import Testing

/// Every forward has a line, and the line is that forward.
@Suite struct LineRoundTripTests {
  @Test(arguments: 0..<8) func readsWhatItPrints(part: Int) throws {
    var generator = SplitMix64(seed: UInt64(1 + part))
    var stepCounts = Set<Int>()
    for _ in 0..<700 {
      let random = RandomForward(&generator, stepCount: part == 0 ? 60 : 14)
      stepCounts.insert(random.forward.steps.count)
      let line = random.forward.line(modules: random.modules)
      do {
        let read = try Forward(line: line, modules: random.modules, batchFirst: part % 2 == 0, parameters: { _ in true })
        guard read != random.forward else { continue }
        Issue.record("\(line)\n\(read.line(modules: random.modules))\n\(random.modules.map(\.name))")
      } catch {
        Issue.record("\(line)\n\(error)\n\(random.modules.map(\.name))")
      }
    }
    #expect(stepCounts.count > 10)
  }

  /// What is damaged is refused with place and remedy, or means something that is printed and read back.
  @Test(arguments: 0..<8) func readsOrRefusesWhatIsDamaged(part: Int) throws {
    var generator = SplitMix64(seed: UInt64(100 + part))
    let pieces = ["(", ")", "[", "]", ",", ".", ":", ";", "\n", "=", "->", "\"", "'", "-1", "1e999", "9223372036854775808", "0", "x", "self.", "torch.", "F.",
      "dim=-1", "...", "h", "return ", "def f(self, x):", "*", "/", "+", "- ", "relu", "last", "\\", "#", "\u{0}", "é", "@", "None", "[-1]", "[:, -1]", ".hn", " ",
      "(h, c)", "cat", "softmax", "\"\"\"", "inf", "nan", ".relu()", "[..., -1:]", "[9223372036854775807]", "[-9223372036854775808]"]
    var readCount = 0
    for _ in 0..<300 {
      let random = RandomForward(&generator, stepCount: 6)
      var scalars = Array(random.forward.line(modules: random.modules).unicodeScalars)
      for _ in 0..<5 {
        let at = Int.random(in: 0...scalars.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: scalars.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").unicodeScalars, at: at)
        case 1: scalars.removeSubrange(at..<min(scalars.count, at + Int.random(in: 0...4, using: &generator)))
        default:
          let from = Int.random(in: 0...at, using: &generator)
          scalars.insert(contentsOf: Array(scalars[from..<min(at, from + 12)]), at: at)
        }
        let line = String(String.UnicodeScalarView(scalars))
        do throws(RNNError) {
          let forward = try Forward(line: line, modules: random.modules, batchFirst: part % 2 == 0, parameters: { _ in true })
          readCount += 1
          guard !forward.steps.contains(where: { if case .constant(let values) = $0.operation { values.contains(where: \.isNaN) } else { false } }) else { continue }
          let printed = forward.line(modules: random.modules)
          let again = try Forward(line: printed, modules: random.modules, batchFirst: part % 2 == 0, parameters: { _ in true })
          if again != forward { Issue.record("\(line)\n\(printed)") }
        } catch {
          #expect(error.kind == .usage && error.place?.hasPrefix("forward, ") == true && error.remedy?.isEmpty == false, "\(line): \(error)")
        }
      }
    }
    #expect(readCount > 50)
  }

  @Test func readsWhatItPrintsOfAsManyStepsAsThereMayBe() throws {
    let modules = [Module.recurrent(Recurrent(name: "lstm", cell: .lstm, inputSize: 4, hiddenSize: 4))]
    for shape in 0..<4 {
      var forward = Forward()
      forward.steps.append(Forward.Step(.module("lstm"), [.input(0)]))
      while forward.steps.count < 1500 {
        let last = forward.steps.count - 1
        switch shape {
        case 0: forward.steps.append(Forward.Step(.module("lstm"), [.step(last)]))
        case 1: forward.steps.append(Forward.Step(.constant([Double(last)]), []))
        case 2: forward.steps.append(Forward.Step(.arithmetic(.add), [.step(last), .step(last / 2)]))
        default: forward.steps.append(Forward.Step(.slice(0..<4 + last), [.input(0)]))
        }
      }
      if shape == 1 || shape == 3 { forward.steps.append(Forward.Step(.concatenate, forward.steps.indices.map { .step($0) })) }
      forward.outputs = [Forward.Output(.step(forward.steps.count - 1))]
      let read = try Forward(line: forward.line(modules: modules), modules: modules, batchFirst: true)
      #expect(read == forward, "shape \(shape)")
    }
  }

  @Test(arguments: ["(", "[", "x[", "relu(", "- (", "\"", "x + (", "self.", "(x, ", "x.hn[", "a = ", "[x, ", "x.relu().", "def f(", "a, ("])
  func refusesNestingWithoutEnd(piece: String) {
    for count in [63, 64, 65, 100, 1000, 10_000] {
      for line in [String(repeating: piece, count: count), String(repeating: piece, count: count) + "x"] {
        #expect(throws: RNNError.self, "\(count)") { _ = try Forward(line: line, modules: [], batchFirst: true) }
      }
    }
  }
}
