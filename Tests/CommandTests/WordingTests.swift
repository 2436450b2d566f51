import Foundation
import RNNKit
import RNNKitC
import Testing
import rnn

/// Every option that an error of the libraries can name, in everybody's words.
@Suite struct WordingTests {
  private struct Wanted {
    var values: [String] = []
    var command, swift, c, python: String
  }

  private static let withoutValues: [UserOption: Wanted] = [
    .format: Wanted(command: "--from", swift: "as", c: "options.format", python: "format=..."),
    .entry: Wanted(command: "--state-dict", swift: "entry", c: "options.state_dict", python: "state_dict=..."),
    .config: Wanted(command: "--config", swift: "config", c: "options.config", python: "config=..."),
    .forward: Wanted(command: "--forward", swift: "forward", c: "options.forward", python: "forward=..."),
    .modules: Wanted(command: "--module", swift: "modules", c: "options.modules", python: "modules=[...]"),
    .renames: Wanted(command: "--rename", swift: "mapping", c: "options.renames", python: "renames=[...]"),
    .mapping: Wanted(
      command: "--mapping", swift: "mapping", c: "'rnn convert' and a mapping", python: "'rnn convert' and a mapping"),
    .batchFirst: Wanted(command: "--batch-first", swift: "batchFirst: true", c: "options.batch_first", python: "batch_first=True"),
    .nonlinearity: Wanted(command: "--nonlinearity", swift: "nonlinearity", c: "options.nonlinearity", python: "nonlinearity=..."),
    .headActivation: Wanted(
      command: "--head-activation", swift: "headActivation", c: "options.head_activation", python: "head_activation=..."),
    .ignored: Wanted(command: "--ignore", swift: "ignoring", c: "options.ignored", python: "ignore=[...]"),
    .timeout: Wanted(command: "--timeout", swift: "timeout", c: "options.timeout", python: "timeout=..."),
    .inputs: Wanted(command: "'rnn run --input'", swift: "Plan.run", c: "rnnkit_run", python: "Model.run"),
    .savedState: Wanted(command: "--state-out", swift: "State.write", c: "rnnkit_state_save", python: "State.save"),
    .threads: Wanted(command: "--threads", swift: "threads", c: "options.threads", python: "threads=..."),
    .target: Wanted(command: "--to", swift: "as", c: "options.format", python: "format=..."),
    .elementType: Wanted(command: "--dtype", swift: "Conversion.round(to:)", c: "options.dtype", python: "dtype=..."),
    .noCases: Wanted(command: "--no-cases", swift: "Conversion.removeCases()", c: "options.no_cases", python: "no_cases=True"),
    .force: Wanted(command: "--force", swift: "replacing: true", c: "options.force", python: "force=True"),
    .code: Wanted(
      command: "--code", swift: "Model.torchCode()", c: "'rnn convert' and its code", python: "'rnn convert' and its code"),
    .formats: Wanted(command: "'rnn formats'", swift: "FormatRegistry.formats", c: "'rnn formats'", python: "'rnn formats'"),
    .inspect: Wanted(command: "'rnn inspect'", swift: "ModelFile.report()", c: "rnnkit_describe", python: "Model.describe"),
    .verify: Wanted(command: "'rnn verify'", swift: "Verification", c: "rnnkit_verify", python: "Model.verify"),
  ]

  private static let withValues: [(UserOption, Wanted)] = [
    (.forward, Wanted(
      values: ["fc(rnn('x'))"], command: #"--forward 'fc(rnn('\''x'\''))'"#, swift: #"forward: "fc(rnn('x'))""#,
      c: #"options.forward = "fc(rnn('x'))""#, python: #"forward='fc(rnn(\'x\'))'"#)),
    (.modules, Wanted(
      values: ["encoder", "out fc"], command: "--module encoder --module 'out fc'", swift: #"modules: ["encoder", "out fc"]"#,
      c: #"options.modules = {"encoder", "out fc"}"#, python: "modules=['encoder', 'out fc']")),
    (.renames, Wanted(
      values: ["a=b"], command: "--rename 'a=b'", swift: #"mapping.add("a=b")"#, c: #"options.renames = {"a=b"}"#,
      python: "renames=['a=b']")),
    (.ignored, Wanted(
      values: ["half-precision"], command: "--ignore half-precision", swift: "ignoring: [.halfPrecision]",
      c: #"options.ignored = {"half-precision"}"#, python: "ignore=['half-precision']")),
    (.nonlinearity, Wanted(
      values: ["relu"], command: "--nonlinearity relu", swift: "nonlinearity: .relu", c: #"options.nonlinearity = "relu""#,
      python: "nonlinearity='relu'")),
    (.target, Wanted(
      values: ["aidax"], command: "--to aidax", swift: #"as: "aidax""#, c: #"options.format = "aidax""#, python: "format='aidax'")),
  ]

  private func check(_ option: UserOption, _ words: Wanted) {
    let phrase: Phrase = "\(option, words.values)"
    #expect(phrase.text(in: CommandWording()) == words.command)
    #expect(phrase.description == words.swift)
    #expect(phrase.text(in: Words.c) == words.c)
    #expect(phrase.text(in: Words.python) == words.python)
  }

  @Test func wordsEveryOptionForEveryUser() {
    for option in UserOption.allCases {
      guard let words = Self.withoutValues[option] else {
        Issue.record("\(option) has no words here")
        continue
      }
      check(option, words)
    }
    for (option, words) in Self.withValues { check(option, words) }
  }

  @Test func keepsOptionsInPhrasesOfPhrases() {
    let inner: Phrase = "say \(.forward, "a(x)")"
    let error = RNNError(.badData, place: "here", "\(inner), not \(.modules)", remedy: "\(inner)")
    let note: Phrase = "a note: \(error)"
    #expect(note.text(in: Words.python) == "a note: here: say forward='a(x)', not modules=[...]; say forward='a(x)'")
    #expect(error.text(in: CommandWording()) == "here: say --forward 'a(x)', not --module; say --forward 'a(x)'")
    #expect(("a" as Phrase) == "\("a")" && Phrase("").isEmpty && ["a", "b"].joined(separator: ", ") as Phrase == "a, b")
  }

  /// What a wording names is there.
  @Test func namesWhatThereIs() throws {
    let root = Command.root
    let header = try String(contentsOf: root.appendingPathComponent("Bindings/C/include/rnnkit.h"), encoding: .utf8)
    let python = try ["_open", "_model"].map {
      try String(contentsOf: root.appendingPathComponent("Bindings/Python/rnnkit/\($0).py"), encoding: .utf8)
    }.joined()
    let help = try Command.run(["--experimental-dump-help"]).output
    for words in Self.withoutValues.values {
      if words.command.hasPrefix("--") { #expect(help.contains("\"name\" : \"\(words.command.dropFirst(2))\""), "\(words.command)") }
      let member = words.c.hasPrefix("options.") ? " \(words.c.dropFirst(8));" : words.c
      if !member.hasPrefix("'") {
        #expect(header.contains(member) || header.contains(member.replacing(" ", with: "*")), "\(words.c)")
      }
      if let equals = words.python.firstIndex(of: "=") { #expect(python.contains("\(words.python[..<equals]): "), "\(words.python)") }
    }
  }

  /// Libraries know nothing of the command's options.
  @Test func areNotInTheLibrariesSources() throws {
    let options = Self.withoutValues.values.map(\.command).filter { $0.hasPrefix("--") }
    let sources = Command.root.appendingPathComponent("Sources")
    var count = 0
    for case let url as URL in try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    where url.pathExtension == "swift" && !url.path.contains("/Sources/rnn/") {
      count += 1
      for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        let text = line.drop { $0 == " " }
        guard !text.hasPrefix("//") else { continue }
        let found = options.first { option in
          text.ranges(of: option).contains { $0.upperBound == text.endIndex || !"-_abcdefghijklmnopqrstuvwxyz".contains(text[$0.upperBound]) }
        }
        #expect(found == nil, "\(url.lastPathComponent): \(text)")
      }
    }
    #expect(count > 200)
  }
}
