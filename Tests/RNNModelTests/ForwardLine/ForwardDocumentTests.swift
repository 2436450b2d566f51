import Foundation
import RNNModel
import Testing

/// The examples of `Schemas/forward.md`.
@Suite struct ForwardDocumentTests {
  private func blocks(_ mark: String) throws -> [[String]] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("Schemas/forward.md"), encoding: .utf8)
    var (blocks, current): ([[String]], [String]?) = ([], nil)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let lines = current {
        if line == "```" {
          blocks.append(lines)
          current = nil
        } else {
          current = lines + [String(line)]
        }
      } else if line == "```\(mark)" {
        current = []
      }
    }
    try #require(!blocks.isEmpty)
    return blocks
  }

  @Test func readsEveryExampleAsItPrintsIt() throws {
    let modules = LineRefusalTests.modules
    for line in try blocks("forward").flatMap(\.self) + blocks("forward-function").map({ $0.joined(separator: "\n") }) {
      do {
        let forward = try Forward(line: line, modules: modules, batchFirst: true)
        _ = try forward.shapes(modules)
        let again = try Forward(line: forward.line(modules: modules), modules: modules, batchFirst: true)
        #expect(again == forward, "\(line)")
      } catch { Issue.record("\(line): \(error)") }
    }
  }

  @Test func refusesWhatItSaysIsRefused() throws {
    for line in try blocks("refused").flatMap(\.self) {
      #expect(throws: RNNError.self, "\(line)") { _ = try Forward(line: line, modules: LineRefusalTests.modules, batchFirst: true) }
    }
  }

  @Test func namesTheLimits() {
    #expect(Limits.maximumLineLength == 1 << 20 && Limits.maximumStepCount == 65_536 && Limits.maximumDepth == 64)
  }
}
