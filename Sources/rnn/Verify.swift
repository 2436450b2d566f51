import ArgumentParser
import RNNKit

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Replays a model's reference cases against the outputs its framework gave.",
    usage: "rnn verify [<options>] <model>",
    discussion: """
      Each output gets a verdict: match (within 1e-6 + 1e-5·|reference| in float32, 1e-12 + 1e-12·|reference| in float64); \
      rounding (beyond that, but at every step no further from a float64 run than rounding can take this model there, which \
      more runs with weights and inputs moved by up to two units in the last place show); not comparable (rounding can do \
      anything at these steps); or mismatch, with the first step and layer that diverge. Exit status 1 where one is a \
      mismatch or none could be compared.

        rnn verify model.rnn
        rnn verify weights.h5 --nonlinearity relu --case outputs.npz
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model")) var path: String
  @Option(
    name: .customLong("case"),
    help: ArgumentHelp("Replay the case in this file of arrays (input, h0, …, output) instead of those in the model. Repeatable.", valueName: "file"))
  var cases: [String] = []
  @Flag(help: "Print JSON (Schemas/verify.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    let progress = Progress("verifying")
    defer { progress.end() }
    let file = try model.open(path, modules: part.names, cases: cases, quiet: json)
    var references = file.model.archive.cases
    if !cases.isEmpty {
      let plan: Plan
      do throws(RNNError) { plan = try Plan(file.model, modules: part.names) } catch { throw error.inFile(path) }
      references = try cases.map { (path) throws(RNNError) in try ReferenceCase(readingFrom: path, for: plan) }
    }
    if let names = part.names {
      for index in references.indices {
        references[index].metadata.removeAll { $0.key == "modules" }
        references[index].metadata.append(.init("modules", .array(names.map(JSONValue.string))))
      }
    }
    guard !references.isEmpty else {
      throw RNNError(.badData, file: path, "has no reference case to replay",
        remedy: "give one with --case, or add it with 'rnn convert --case'")
    }
    if model.batchFirst, let plan = try? Plan(file.model, modules: part.names) {
      let inputs = references.compactMap { $0["input"] }
      do throws(RNNError) { try OptionEffects.checkLayout(model, of: plan, inputs.count == references.count ? inputs : []) } catch {
        throw error.inFile(path)
      }
    }
    var verifications: [Verification] = []
    for reference in references {
      do throws(RNNError) {
        verifications.append(try Verification(reference, of: file.model))
      } catch {
        throw error.inFile(path)
      }
    }
    progress.end()
    ModelArguments.sayWhatIsLeftOut(of: file)
    if json {
      Console.output(try file.report(verifications).indentedText + "\n")
    } else {
      for warning in try file.model.nonFiniteWeights() { Console.note(Phrase(warning)) }
      Console.output(verifications.map(text).joined())
      let held = verifications.count(where: \.holds)
      Console.output("\(held) of \(verifications.count) cases hold\n")
    }
    if !verifications.allSatisfy(\.holds) { throw ExitCode(1) }
  }

  private func text(_ verification: Verification) -> String {
    var table = Table(right: [2, 3])
    table.add("", "verdict", "largest error", "ulps", "at", "")
    for comparison in verification.comparisons {
      let remark = remarks(comparison).joined(separator: "; ")
      table.add(
        comparison.member, comparison.verdict.rawValue, Plot.short(comparison.largestError), Plot.short(comparison.largestUlps),
        comparison.largestError == 0 ? "" : comparison.describe(comparison.position), remark)
    }
    var result = "case \(verification.name.escapingControlCharacters())\n" + table.text
    switch verification.lastStateIsLastOutput {
    case true?: result += "  the reference's hn[last] == output[last]: yes\n"
    case false?: result += "  the reference's hn[last] == output[last]: no; these are not the outputs of a recurrent network\n"
    case nil: break
    }
    if verification.comparisons.allSatisfy({ $0.verdict == .notComparable }) {
      result += "  nothing could be compared; rounding alone can give any numbers at these steps: add a shorter case\n"
    }
    if let divergence = verification.divergence { result += "  diverges \(divergence)\n" }
    return result
  }

  private func remarks(_ comparison: Comparison) -> [String] {
    var remarks: [String] = []
    if let first = comparison.firstMismatch {
      let place = comparison.describe(first.position)
      remarks.append(
        "first at \(place): reference \(Plot.short(first.reference)), here \(Plot.short(first.result)), "
          + "\(Plot.short(first.allowed)) apart allowed")
    }
    if let first = comparison.firstNotCompared {
      remarks.append(
        "not comparable: \(grouped(comparison.notCompared)) values, first at \(comparison.describe(first))")
    }
    if let distances = comparison.distancesFromFloat64 {
      remarks.append(
        "from float64: reference \(Plot.short(distances.reference)), here \(Plot.short(distances.result))")
    }
    if comparison.notFinite > 0 { remarks.append("\(grouped(comparison.notFinite)) values not finite") }
    return remarks
  }
}
