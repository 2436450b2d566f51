import ArgumentParser
import RNNKit

struct Verify: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Replays a model's reference cases against the outputs its framework gave.",
    usage: "rnn verify [<options>] <model>",
    discussion: """
      Each output gets a verdict: match (within --atol + --rtol·|reference|; a file that was converted with --dtype keeps \
      what rounding did to its cases, and allows as much); \
      rounding (beyond that, but at every step no further from a float64 run than rounding can take this model there, which \
      more runs with weights and inputs moved by up to two units in the last place show); not comparable (rounding can do \
      anything at these steps); or mismatch, with the first step and layer that diverge. Exit status 1 where one is a \
      mismatch or none could be compared.

        rnn verify model.rnn
        rnn verify weights.h5 --nonlinearity relu --case outputs.npz
        rnn verify model.pt --case input=x.npy --case y=y.npy
      """)

  @Argument(help: ArgumentHelp("The model file.", valueName: "model"), completion: Completions.model) var path: String
  @Option(
    name: .customLong("case"),
    help: ArgumentHelp("Replay the case in this file of arrays (input, h0, …, output), or with its array as this one, name=file, instead of those in the model. Repeatable.", valueName: "file"), completion: Completions.arrays)
  var cases: [String] = []
  @Option(help: ArgumentHelp(
    "How far a number may be from any reference. Default: 1e-6, for a reference in float64 1e-12, in half precision half its last place more.",
    valueName: "number"))
  var atol: Double?
  @Option(help: ArgumentHelp(
    "How far as a share of the reference. Default: 1e-5, for float64 1e-12, for float16 0.0005 and for bfloat16 0.004 more.",
    valueName: "number"))
  var rtol: Double?
  @Flag(help: "Print JSON (Schemas/verify.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  func validate() throws {
    guard [atol, rtol].allSatisfy({ $0.map { $0.isFinite && $0 >= 0 } ?? true }) else {
      throw ValidationError("--atol and --rtol are numbers from 0 on")
    }
  }

  func run() throws {
    let cases = try CaseFiles(self.cases)
    let file = try model.open(path, modules: part.names, cases: cases, quiet: json)
    var references = file.model.archive.cases
    if !cases.isEmpty {
      let plan: Plan
      do throws(RNNError) { plan = try Plan(file.model, modules: part.names) } catch { throw error.inFile(path) }
      references = try cases.read(for: plan, model.hdf5)
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
    let count = Double(references.count), replayed = Counter()
    let progress = Progress("verifying", .init(total: count, done: { Double(replayed.value) }, rate: { "\($0.short) cases/s" }))
    defer { progress.end() }
    for reference in references {
      defer { replayed.add() }
      do throws(RNNError) {
        verifications.append(try Verification(reference, of: file.model, absolute: atol, relative: rtol))
      } catch {
        throw error.inFile(path)
      }
    }
    progress.end()
    ModelArguments.sayWhatIsLeftOut(of: file)
    if json {
      Console.document(try file.report(verifications).indentedText + "\n")
    } else {
      for warning in try file.model.nonFiniteWeights() { Console.note(Phrase(warning)) }
      Console.output(zip(verifications, references).map { text($0, $1) }.joined())
      let held = verifications.count(where: \.holds)
      Console.output("\(held) of \(verifications.count) cases hold\n")
    }
    if !verifications.allSatisfy(\.holds) { throw ExitCode(1) }
  }

  private func text(_ verification: Verification, _ reference: ReferenceCase) -> String {
    var table = Table(right: [2, 3], styled: 1)
    table.add("", "verdict", "largest error", "ulps", "at", "")
    for comparison in verification.comparisons {
      let remark = remarks(comparison).joined(separator: "; ")
      table.add(
        comparison.member, comparison.verdict.rawValue, comparison.largestError.short, comparison.largestUlps.short,
        comparison.largestError == 0 ? "" : comparison.describe(comparison.position), remark,
        style: comparison.verdict == .mismatch ? .red : comparison.verdict == .match ? .green : .yellow)
    }
    var result = "case \(verification.name.escapingControlCharacters())\n" + table.text
    if atol == nil, rtol == nil, let kept = reference.metadata.first(where: { $0.key == "tolerance" })?.value {
      let members = verification.comparisons.filter { kept[$0.member] != nil }
        .map { "\($0.tolerance.absolute.short) for \($0.member)" }
      if !members.isEmpty {
        result += "  allowed: \(members.joined(separator: ", ")), which a conversion kept in the case\n".escapingControlCharacters(except: "\n")
      }
    }
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
        "first at \(place): reference \(first.reference.short), here \(first.result.short), "
          + "\(first.allowed.short) apart allowed")
    }
    if let first = comparison.firstNotCompared {
      remarks.append(
        "not comparable: \(grouped(comparison.notCompared)) values, first at \(comparison.describe(first))")
    }
    if let distances = comparison.distancesFromFloat64 {
      remarks.append(
        "from float64: reference \(distances.reference.short), here \(distances.result.short)")
    }
    if comparison.notFinite > 0 { remarks.append("\(grouped(comparison.notFinite)) values not finite") }
    return remarks
  }
}
