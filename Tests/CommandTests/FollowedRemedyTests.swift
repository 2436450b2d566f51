import Foundation
import Testing

/// Options that an error proposes are followed: the same error does not come again.
@Suite struct FollowedRemedyTests {
  private let scratch: Scratch

  init() throws {
    scratch = try Scratch()
  }

  private static let extensions: Set<String> = [
    "pt", "pth", "ckpt", "keras", "h5", "hdf5", "onnx", "npz", "safetensors", "json", "nam", "rnn", "pkl",
  ]
  /// Larger files are left out, of which the tests of memory have their own.
  private static let largestFile = 1 << 20

  private static func files(in folder: URL) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return names.sorted().map { folder.appendingPathComponent($0) }
      .filter { url in
        guard extensions.contains(url.pathExtension) else { return false }
        guard let values = try? url.resourceValues(forKeys: [.fileSizeKey]), let size = values.fileSize else { return false }
        return size <= largestFile
      }
      .map(\.path)
  }

  /// The error's line, without notes; none where the command succeeded.
  private func error(_ arguments: [String]) throws -> String? {
    let result = try Command.run(arguments)
    guard result.status != 0 else { return nil }
    return result.errors.split(separator: "\n").last { $0.hasPrefix("rnn: ") }.map { String($0) } ?? ""
  }

  /// A text's words as a shell divides them: quotes hold spaces together.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    var isStarted = false
    var isEscaped = false
    for character in text {
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if character == "\\" && !isQuoted {
        isEscaped = true
        isStarted = true
      } else if character == "'" {
        isQuoted.toggle()
        isStarted = true
      } else if character == " " && !isQuoted {
        if isStarted { words.append(word) }
        word = ""
        isStarted = false
      } else {
        word.append(character)
        isStarted = true
      }
    }
    if isStarted { words.append(word) }
    return words
  }

  /// The options that a remedy proposes, one list for each alternative; none of those with a place to be filled in.
  static func proposals(in remedy: String) -> [[String]] {
    let takingValue: Set<String> = ["--module", "--rename", "--ignore", "--from", "--forward"]
    let placeholders: Set<String> = ["FILE", "out", "and", "or", "to", "from"]
    var result: [[String]] = []
    var current: [String] = []
    let all = words(remedy)
    var index = 0
    while index < all.count {
      let next = index + 1 < all.count ? all[index + 1] : ""
      let value = next.trimmingCharacters(in: CharacterSet(charactersIn: all[index] == "--forward" ? ",;" : ",;)"))
      let isOption = takingValue.contains(all[index]) && !value.isEmpty && !value.hasPrefix("--")
        && !placeholders.contains(value) && !value.hasPrefix("OLD=")
        // A line, not a word of the sentence, and one without numbers to be filled in.
        && (all[index] != "--forward" || (value.contains("(") && !value.contains("(N)")))
      if isOption {
        current += [all[index], value]
        index += 1
      }
      // Any other word, or punctuation after the value, ends an alternative.
      if !current.isEmpty && (!isOption || value != next) {
        result.append(current)
        current = []
      }
      index += 1
    }
    if !current.isEmpty { result.append(current) }
    return result
  }

  @Test func readsOptionsFromARemedy() {
    #expect(Self.proposals(in: "choose --module a --module b or --module b --module a")
      == [["--module", "a", "--module", "b"], ["--module", "b", "--module", "a"]])
    #expect(Self.proposals(in: "add --rename 'h 0=rnn.h0' to start from it, or choose --module rnn to leave it out")
      == [["--rename", "h 0=rnn.h0"], ["--module", "rnn"]])
    #expect(Self.proposals(in: #"choose --module 'it'\''s' to leave it out"#) == [["--module", "it's"]])
    #expect(Self.proposals(in: "say what is computed: --forward 'fc(last(lstm(x)))' or --forward 'a = b(x); c(a)'")
      == [["--forward", "fc(last(lstm(x)))"], ["--forward", "a = b(x); c(a)"]])
    #expect(Self.proposals(in: "say it with --forward instead").isEmpty)
    #expect(Self.proposals(in: "say which with --rename OLD=lstm.weight_ih_l0 and so on; leave --from out").isEmpty)
  }

  @Test func proposedOptionsEndTheirError() throws {
    var folders = [Command.root.appendingPathComponent("Tests/CommandTests/Fixtures")]
    let fieldCases = Command.shared.appendingPathComponent("field-cases")
    if FileManager.default.fileExists(atPath: fieldCases.path) {
      folders.append(fieldCases)
    } else {
      print("followed remedies: field cases skipped, ../shared is absent")
    }
    let target = scratch.path("model.rnn")
    var refusals = 0
    var followed = 0
    for path in folders.flatMap({ Self.files(in: $0) }) {
      for command in [["inspect", path], ["run", path, "--stream"], ["convert", path, target, "--force", "--quiet"]] {
        guard let first = try error(command) else { continue }
        refusals += 1
        guard let remedy = first.range(of: "; ").map({ String(first[$0.upperBound...]) }) else { continue }
        for options in Self.proposals(in: remedy) {
          followed += 1
          let second = try error(command + options)
          #expect(second != first, "\(command[0]) \(path) \(options): \(first)")
        }
      }
    }
    print("followed remedies: \(refusals) refusals, \(followed) proposals followed")
    #expect(followed > 0)
  }
}
