import ArgumentParser
import RNNKit

/// What is wrong with the command's arguments, as one line that ends in what to do. A word that does not exist comes before
/// whatever else is wrong, which may follow from it.
struct UsageProblem {
  private let arguments: [String]
  private let commands: [Command]
  private let root: Command

  /// A command's words, as its help has them.
  private struct Command {
    var name = ""
    /// Without dashes.
    var long: [String] = []
    var short: [String] = []
    /// The long and short names of options that a value follows.
    var takingValue: Set<String> = []
    var positional: [String] = []

    /// - Parameter help: As `--experimental-dump-help` prints it.
    init(_ help: JSONValue?) {
      name = help?["commandName"]?.string ?? ""
      for argument in help?["arguments"]?.array ?? [] {
        let names = argument["names"]?.array ?? []
        if argument["kind"]?.string == "positional" { positional.append(argument["valueName"]?.string ?? "") }
        for entry in names {
          guard let name = entry["name"]?.string else { continue }
          if entry["kind"]?.string == "short" { short.append(name) } else { long.append(name) }
          if argument["kind"]?.string == "option" { takingValue.insert(name) }
        }
      }
    }
  }

  /// - Parameter arguments: Those of the process, without its own name.
  init(_ arguments: [String]) {
    self.arguments = arguments
    let help = try? JSONValue(parsing: RNN._dumpHelp())
    root = Command(help?["command"])
    commands = (help?["command"]?["subcommands"]?.array ?? []).map { Command($0) }.filter { $0.name != "help" }
  }

  /// The line, of what the argument parser says where no word is unknown.
  func text(_ message: String) -> String {
    let isOfCommand = arguments.first.map { !$0.hasPrefix("-") } ?? false
    let words = isOfCommand && arguments[0] == "help" ? Array(arguments.dropFirst()) : arguments
    guard isOfCommand, let first = words.first, !first.hasPrefix("-") else {
      return unknownOption(arguments, root) ?? "\(Self.trimmed(message)); see 'rnn --help'"
    }
    guard let command = commands.first(where: { $0.name == first }) else {
      let names = commands.map(\.name)
      return "there is no command named \(first); "
        + (Nearest.word(to: first, of: names).map { "did you mean \($0)?" } ?? "choose one of \(names.joined(separator: ", "))")
    }
    return unknownOption(Array(words.dropFirst()), command) ?? Self.remedied(Self.trimmed(message), command.name)
  }

  /// Whether help is asked for of a command that does not exist, which the argument parser does not mind.
  var isAboutUnknownCommand: Bool {
    arguments.count > 1 && arguments[0] == "help" && !arguments[1].hasPrefix("-") && !commands.contains { $0.name == arguments[1] }
  }

  private static func trimmed(_ message: String) -> String {
    let text = message.hasSuffix(".") ? String(message.dropLast()) : message
    return text.replacing(". Please provide", with: "; please provide")
  }

  private static func remedied(_ message: String, _ command: String) -> String {
    message.hasSuffix("?") ? message : "\(message); see 'rnn \(command) --help'"
  }

  private func unknownOption(_ arguments: [String], _ command: Command) -> String? {
    var rest = arguments[...]
    while let word = rest.popFirst(), word != "--" {
      // A number may be negative, and - alone is a standard file.
      guard word.hasPrefix("-"), let start = word.dropFirst().first, !start.isNumber, start != "." else { continue }
      if word.hasPrefix("--") {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts.first ?? "")
        guard command.long.contains(name) else { return unknown("--" + name, name, command) }
        if parts.count == 1, command.takingValue.contains(name), rest.first.map({ !$0.hasPrefix("-") || $0 == "-" }) ?? false {
          _ = rest.popFirst()
        }
      } else {
        let letters = String(word.dropFirst())
        guard command.short.contains(String(start)), letters.count == 1 || !command.long.contains(letters) else { return unknown(word, letters, command) }
        if word.count == 2, command.takingValue.contains(String(start)) { _ = rest.popFirst() }
      }
    }
    return nil
  }

  private func unknown(_ written: String, _ name: String, _ command: Command) -> String {
    let problem = "Unknown option '\(written)'"
    let see = "see 'rnn\(command.name == root.name ? "" : " " + command.name) --help'"
    // `-input`, or `-t` where one option alone begins so.
    let starting = command.long.filter { $0.hasPrefix(name) }
    let near = name.count == 1 ? (starting.count == 1 ? starting[0] : nil)
      : command.long.contains(name) ? name : Nearest.word(to: name, of: command.long)
    if let near { return "\(problem); did you mean --\(near)?" }
    if let place = command.positional.first(where: { $0 == name || name.count == 1 && $0.hasPrefix(name) }) {
      return "\(problem); give the \(place) by its place: rnn \(command.name) \(command.positional.map { "<\($0)>" }.joined(separator: " "))"
    }
    let others = commands.filter { $0.long.contains(name) }.map { "rnn \($0.name)" }
    if written.hasPrefix("--"), !others.isEmpty { return "\(problem), which \(others.joined(separator: ", ")) take\(others.count == 1 ? "s" : ""); \(see)" }
    return "\(problem); \(see)"
  }
}
