import Foundation
import RNNKit
import Testing

/// Modules that torch.save was given whole, whose activations and Sequentials are in the file; see
/// RNNFormatsTests/Fixtures/make_whole_modules.py.
@Suite struct WholeModuleTests {
  private static let folder = Command.root.appendingPathComponent("Tests/RNNFormatsTests/Fixtures/torch-whole")
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".pt") }.map { String($0.dropLast(3)) }.sorted()
  }()

  @Test func thereAreMany() { #expect(Self.names.count > 10) }

  /// What a Sequential does between its modules is no open question, with a line or without one.
  @Test(arguments: [
    ("sequential", "fc.3(relu(fc.0(lstm(x))))"), ("nested", "sigmoid(head.2.0(tanh(head.0.0(lstm(x)))))"),
  ])
  func tellWhatStandsInTheirSequentials(_ name: String, _ line: String) throws {
    let result = try Command.run("inspect", Self.folder.appendingPathComponent("\(name).pt").path)
    #expect(result.status == 0 && result.errors.contains("forward \(line): assumed"), "\(result.errors)")
  }

  @Test(arguments: names) func areCalledAsTheirClassesForwardCallsThem(_ name: String) throws {
    let lines = try JSON(String(decoding: Data(contentsOf: Self.folder.appendingPathComponent("lines.json")), as: UTF8.self))
    let text = try #require(lines[name]?.string)
    let parts = text.components(separatedBy: " | ")
    let line = parts[0].hasPrefix("!") ? String(parts[0].dropFirst()) : parts[0]
    let arrays = try ArrayFile.read(Self.folder.appendingPathComponent("\(name).npz").path)
    let (x, y) = (try #require(arrays["x"]), try #require(arrays["y"]))
    try ArrayFile.write([NamedTensor("input", x)], scratch.path("x.npz"))
    let model = Self.folder.appendingPathComponent("\(name).pt").path
    let result = try Command.run("run", model, "--input", scratch.path("x.npz"), "--output", scratch.path("y.npz"), "--forward", line)
    if text.hasPrefix("!") {
      #expect(result.status == 64 || result.status == 65, "\(result.errors)")
      #expect(result.errors.contains(parts[1]), "\(result.errors)")
      return
    }
    try #require(result.status == 0, "\(result.errors)")
    let found = try #require(try ArrayFile.read(scratch.path("y.npz"))["y"])
    #expect(found.shape == y.shape)
    #expect(zip(found.doubles, y.doubles).allSatisfy { abs($0 - $1) < 2e-6 })
  }
}
