import RNNKit
import Testing

/// Proposals followed to the letter: random recurrent models under random names.
@Suite struct RenameProposalTests {
  /// A model under names of its own, and the same under PyTorch's.
  private struct Disguise {
    var archive = TensorArchive()
    /// By the prefix that its names have.
    var models: [(prefix: String, model: Model)] = []
  }

  private static let cells: [Recurrent.Cell] = [.rnn, .gru, .lstm]

  private func disguise(_ random: inout some RandomNumberGenerator) throws -> Disguise {
    var result = Disguise()
    let parameters: [(String) -> String] = [
      { $0.replacing("weight", with: "w").replacing("bias", with: "b") }, { $0 == "weight_ih" ? "Wxh" : $0 == "weight_hh" ? "Whh" : $0 },
      { $0.replacing("_ih", with: "_input").replacing("_hh", with: "_recurrent") },
      { "\($0.hasSuffix("ih") ? "i2h" : "h2h")_\($0.hasPrefix("weight") ? "weight" : "bias")" },
    ]
    let spell = parameters.randomElement(using: &random)!
    let separator = ["_", ".", "/"].randomElement(using: &random)!
    let backward = ["rev", "bw", "backward"].randomElement(using: &random)!
    let start = Int.random(in: 0...1, using: &random)
    let omitsFirst = Bool.random(using: &random)
    let prefixes = [["enc"], ["enc", "dec"], ["speaker_rnn", "text_rnn", "decoder"]].randomElement(using: &random)!
    for prefix in prefixes {
      let cell = Self.cells.randomElement(using: &random)!
      let bias = Int.random(in: 0...2, using: &random)
      let module = Recurrent(
        name: "m", cell: cell, inputSize: .random(in: 2...5, using: &random), hiddenSize: .random(in: 6...8, using: &random),
        numLayers: .random(in: 1...3, using: &random), bias: bias > 0,
        direction: Bool.random(using: &random) ? .forward : .bidirectional)
      var original = TensorArchive()
      for (parameter, shape) in module.parameters {
        let isLeftOut = bias == 1 && cell != .gru && parameter.kind == .biasHH
        let shape = try #require(Shape(shape))
        let values = (0..<shape.count).map { _ in isLeftOut ? 0 : Float.random(in: -0.5...0.5, using: &random) }
        let tensor = try #require(Tensor(values, shape))
        try original.append("m.\(parameter)", tensor)
        guard !isLeftOut else { continue }
        let layer = parameter.layer ?? 0
        let number = module.numLayers == 1 || (omitsFirst && layer == 0) ? "" : "\(layer + start)"
        let direction = module.direction == .forward ? [] : [parameter.isReverse ? backward : "fw"]
        let spelt = spell(bias == 1 && parameter.kind == .biasIH && cell != .gru ? "bias" : parameter.kind.rawValue)
        let last = bias == 1 && parameter.kind == .biasIH && cell != .gru ? "bias" : spelt
        try result.archive.append(([prefix + number] + direction + [last]).joined(separator: separator), tensor)
      }
      result.models.append((prefix, try Model(original, architecture: Architecture(modules: [.recurrent(module)]))))
    }
    return result
  }

  @Test func everyProposalGivesTheLayersOwnNumbers() throws {
    var random = SplitMix64(seed: 7)
    var (followed, left) = (0, 0)
    for _ in 0..<300 {
      let disguise = try disguise(&random)
      let message: String, rules: [String]
      do {
        _ = try Interpretation(disguise.archive)
        Issue.record("a model under names of its own is none")
        continue
      } catch {
        message = error.description
        rules = (error.remedy?.pieces ?? []).flatMap { piece -> [String] in
          if case .option(.renames, let rules) = piece { rules } else { [] }
        }
      }
      var mapping = NameMapping()
      for rule in rules { try mapping.add(rule) }
      guard !rules.isEmpty else {
        left += 1
        continue
      }
      let renamed = try Interpretation(mapping.apply(to: disguise.archive)).model
      for (prefix, model) in disguise.models {
        // The module that this one's first weight went to, unless the message says that it is left out.
        guard let rule = rules.first(where: { $0.hasPrefix(prefix) }), let new = rule.split(separator: "=").last else {
          left += 1
          continue
        }
        let name = String(new.split(separator: ".")[0])
        guard case .recurrent(let module) = model.architecture.modules[0] else { continue }
        let shape = try #require(Shape([7, 2, module.inputSize]))
        let input = try #require(Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &random) }, shape))
        let (wanted, found) = (try Plan(model).run(input).output, try Plan(renamed, modules: [name]).run(input).output)
        #expect(try #require(found).isIdentical(to: #require(wanted)), "\(message)")
        followed += 1
      }
    }
    #expect(followed > 300 && left < followed / 10, "\(followed) followed, \(left) left out")
  }
}
