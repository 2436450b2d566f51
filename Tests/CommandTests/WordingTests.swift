import Foundation
import RNNKit
import RNNKitC
import Testing
import rnn

/// Every option that an error of the libraries can name, in everybody's words.
@Suite struct WordingTests {
  private struct Words {
    var values: [String] = []
    var command, swift, c, python: String
  }

  private static let withoutValues: [UserOption: Words] = [
    .format: Words(command: "--from", swift: "as", c: "options.format", python: "format=..."),
    .entry: Words(command: "--state-dict", swift: "entry", c: "options.state_dict", python: "state_dict=..."),
    .config: Words(command: "--config", swift: "config", c: "options.config", python: "config=..."),
    .forward: Words(command: "--forward", swift: "forward", c: "options.forward", python: "forward=..."),
    .modules: Words(command: "--module", swift: "modules", c: "options.modules", python: "modules=[...]"),
    .renames: Words(command: "--rename", swift: "mapping", c: "options.renames", python: "renames=[...]"),
    .mapping: Words(
      command: "--mapping", swift: "mapping", c: "'rnn convert' and a mapping", python: "'rnn convert' and a mapping"),
    .batchFirst: Words(command: "--batch-first", swift: "batchFirst: true", c: "options.batch_first", python: "batch_first=True"),
    .nonlinearity: Words(command: "--nonlinearity", swift: "nonlinearity", c: "options.nonlinearity", python: "nonlinearity=..."),
    .headActivation: Words(
      command: "--head-activation", swift: "headActivation", c: "options.head_activation", python: "head_activation=..."),
    .ignored: Words(command: "--ignore", swift: "ignoring", c: "options.ignored", python: "ignore=[...]"),
    .timeout: Words(command: "--timeout", swift: "timeout", c: "options.timeout", python: "timeout=..."),
    .inputs: Words(command: "'rnn run --input'", swift: "Plan.run", c: "rnnkit_run", python: "Model.run"),
    .savedState: Words(command: "--state-out", swift: "State.write", c: "rnnkit_state_save", python: "State.save"),
    .threads: Words(command: "--threads", swift: "threads", c: "options.threads", python: "threads=..."),
    .target: Words(command: "--to", swift: "as", c: "options.format", python: "format=..."),
    .elementType: Words(command: "--dtype", swift: "Conversion.round(to:)", c: "options.dtype", python: "dtype=..."),
    .noCases: Words(command: "--no-cases", swift: "Conversion.removeCases()", c: "options.no_cases", python: "no_cases=True"),
    .force: Words(command: "--force", swift: "replacing: true", c: "options.force", python: "force=True"),
    .code: Words(
      command: "--code", swift: "Model.torchCode()", c: "'rnn convert' and its code", python: "'rnn convert' and its code"),
    .formats: Words(command: "'rnn formats'", swift: "FormatRegistry.formats", c: "'rnn formats'", python: "'rnn formats'"),
    .inspect: Words(command: "'rnn inspect'", swift: "ModelFile.report()", c: "rnnkit_describe", python: "Model.describe"),
    .verify: Words(command: "'rnn verify'", swift: "Verification", c: "rnnkit_verify", python: "Model.verify"),
  ]

  private static let withValues: [(UserOption, Words)] = [
    (.forward, Words(
      values: ["fc(rnn('x'))"], command: #"--forward 'fc(rnn('\''x'\''))'"#, swift: #"forward: "fc(rnn('x'))""#,
      c: #"options.forward = "fc(rnn('x'))""#, python: #"forward='fc(rnn(\'x\'))'"#)),
    (.modules, Words(
      values: ["encoder", "out fc"], command: "--module encoder --module 'out fc'", swift: #"modules: ["encoder", "out fc"]"#,
      c: #"options.modules = {"encoder", "out fc"}"#, python: "modules=['encoder', 'out fc']")),
    (.renames, Words(
      values: ["a=b"], command: "--rename 'a=b'", swift: #"mapping.add("a=b")"#, c: #"options.renames = {"a=b"}"#,
      python: "renames=['a=b']")),
    (.ignored, Words(
      values: ["half-precision"], command: "--ignore half-precision", swift: "ignoring: [.halfPrecision]",
      c: #"options.ignored = {"half-precision"}"#, python: "ignore=['half-precision']")),
    (.nonlinearity, Words(
      values: ["relu"], command: "--nonlinearity relu", swift: "nonlinearity: .relu", c: #"options.nonlinearity = "relu""#,
      python: "nonlinearity='relu'")),
    (.target, Words(
      values: ["aidax"], command: "--to aidax", swift: #"as: "aidax""#, c: #"options.format = "aidax""#, python: "format='aidax'")),
  ]

  private func check(_ option: UserOption, _ words: Words) {
    let phrase: Phrase = "\(option, words.values)"
    #expect(phrase.text(in: CommandWording()) == words.command)
    #expect(phrase.description == words.swift)
    #expect(phrase.text(in: CWording()) == words.c)
    #expect(phrase.text(in: PythonWording()) == words.python)
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
    #expect(note.text(in: PythonWording()) == "a note: here: say forward='a(x)', not modules=[...]; say forward='a(x)'")
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
