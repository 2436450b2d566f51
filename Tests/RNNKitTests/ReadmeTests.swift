import Foundation
import RNNKit
import Testing

@Suite struct ReadmeTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The README shows the function of Examples/, which is compiled here too.
  @Test func theReadmesExampleIsTheOneOfExamples() throws {
    let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
    let source = try String(contentsOf: Self.root.appendingPathComponent("Examples/Sources/tour/Tour.swift"), encoding: .utf8)
    #expect(readme.contains("```swift\n\(source)```\n"))
  }

  @Test func theReadmesExampleRuns() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rnnkit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appendingPathComponent("model.rnn").path
    let sample = Self.root.appendingPathComponent("SampleModels/sunspots/sunspots.h5").path
    let input = try Tensor([0.1, 0.2, 0.3, 0.4], shape: [4, 1])
    let result = try #require(try tour(sample, input, keep: target))
    #expect(result.shape == input.shape)
    #expect(try ModelFile.open(target).model.archive.tensors.count == 10)
  }
}
