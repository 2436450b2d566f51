import Foundation
import Testing

/// What the README shows of the command, as it is pasted: each `$` line in turn, in a folder with the files that the README's
/// Python writes (SampleModels/tagger).
@Suite struct ReadmeCommandTests {
  private static let readme = (try? String(contentsOf: Command.root.appendingPathComponent("README.md"), encoding: .utf8)) ?? ""

  /// The blocks between fences of one kind.
  private static func blocks(_ language: String) -> [String] {
    var result: [String] = [], block: [Substring]?, fence = ""
    for line in readme.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("```") else {
        block?.append(line)
        continue
      }
      if let lines = block {
        if fence == language { result.append(lines.joined(separator: "\n") + "\n") }
        block = nil
      } else {
        (block, fence) = ([], String(line.dropFirst(3)))
      }
    }
    return result
  }

  @Test func theCommandsGiveWhatIsShown() throws {
    let scratch = try Scratch()
    for file in ["model.pt", "x.npy", "y.npy"] {
      try FileManager.default.copyItem(atPath: Samples.file("tagger/\(file)"), toPath: scratch.path(file))
    }
    var count = 0
    for block in Self.blocks("") where block.hasPrefix("$ ") {
      for session in ("\n" + block).components(separatedBy: "\n$ ").dropFirst() {
        let lines = session.split(separator: "\n", omittingEmptySubsequences: false)
        let result = try Shell.run(#"rnn() { "$RNN" "$@"; }; "# + lines[0] + " 2>&1", in: scratch.folder)
        #expect(result.status == 0, "\(lines[0]): \(result.output)")
        var rest = result.output.split(separator: "\n", omittingEmptySubsequences: false)[...]
        for line in lines.dropFirst() where !line.isEmpty && line != "  …" {
          let position = rest.firstIndex(of: line)
          #expect(position != nil, "\(lines[0]) does not print: \(line)\n\(result.output)")
          if let position { rest = rest[(position + 1)...] }
        }
        // What is shown is all, but where dots stand for something.
        if !lines.contains("  …") { #expect(rest.allSatisfy { line in line.isEmpty }, "\(lines[0]) prints more: \(rest)") }
        count += 1
      }
    }
    #expect(count == 5)
  }

  /// `make interop` runs SampleModels/tagger/tagger.py, and compares what it makes.
  @Test func thePythonIsTheSamplesOwn() throws {
    let script = try String(contentsOfFile: Samples.file("tagger/tagger.py"), encoding: .utf8)
    #expect(Self.blocks("python").contains(script))
  }
}
