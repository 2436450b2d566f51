import ArgumentParser
import RNNKit

struct Diff: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compares two models, parameter by parameter, over any two formats.",
    usage: "rnn diff [<options>] <first> <second>",
    discussion: """
      Exit status 1 where they differ: in a bit of a tensor, in a tensor's presence, or in architecture. The options say \
      what a file leaves open, and are passed over for a file that says it.
      """)

  @Argument(help: "A model file.", completion: Completions.model) var first: String
  @Argument(help: "Another, of any format.", completion: Completions.model) var second: String
  @Flag(help: "Print JSON (Schemas/diff.schema.json).") var json = false
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  func run() throws {
    let (a, b) = (
      try model.open(first, quiet: json, isOneOfTwo: true), try model.open(second, quiet: json, isOneOfTwo: true))
    let differences = Difference.between(a.model, b.model)
    let sameArchitecture = a.model.architecture == b.model.architecture
    let (mine, theirs) = (a.model.architecture, b.model.architecture)
    let lines = (first: mine.lines(notIn: theirs), second: theirs.lines(notIn: mine))
    let differing = differences.filter { $0.verdict != .identical }
    if json {
      Console.document(document(differences, sameArchitecture, lines).indentedText + "\n")
    } else {
      if !sameArchitecture {
        Console.output("architectures differ\n")
        for (sign, own) in [("-", lines.first), ("+", lines.second)] {
          for line in own { Console.output("\(sign) \(line.escapingControlCharacters())\n") }
        }
      }
      var table = Table(right: [3])
      if !differing.isEmpty { table.add("tensor", "verdict", "", "largest difference", "at", "elements differing") }
      for difference in differing {
        let types = [difference.first, difference.second].compactMap { $0.map { "\($0.elementType.rawValue) \($0.shape)" } }
        let compared = difference.differingCount > 0
        table.add(
          difference.name, difference.verdict.rawValue, types.joined(separator: " / "),
          compared ? "\(difference.largestDifference)" : "", compared ? "\(difference.position)" : "",
          compared ? "\(grouped(difference.differingCount)) of \(grouped(difference.first?.count ?? 0))" : "")
      }
      Console.output(table.text)
      let identical = differences.count - differing.count
      Console.output("\(grouped(identical)) of \(grouped(differences.count)) tensors are identical bit for bit\n")
    }
    if !differing.isEmpty || !sameArchitecture { throw ExitCode(1) }
  }

  private func document(
    _ differences: [Difference], _ sameArchitecture: Bool, _ lines: (first: [String], second: [String])
  ) -> JSONValue {
    .object([
      .init("first", .string(first.readableFileName)), .init("second", .string(second.readableFileName)),
      .init("identical", .bool(sameArchitecture && differences.allSatisfy { $0.verdict == .identical })),
      .init("same_architecture", .bool(sameArchitecture)),
      .init("architecture", .object([
        .init("first", .array(lines.first.map(JSONValue.string))), .init("second", .array(lines.second.map(JSONValue.string))),
      ])),
      .init("tensors", .array(differences.map { difference in
        .object([
          .init("name", .string(difference.name)), .init("verdict", .string(difference.verdict.rawValue)),
          .init("differing", .integer(Int64(difference.differingCount))),
          .init("largest_difference", .number(difference.largestDifference)),
          .init("at", .array(difference.position.map { .integer(Int64($0)) })),
        ])
      })),
    ])
  }
}
