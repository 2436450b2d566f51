import Foundation
import RNNKit
import Testing

/// What stands around recurrent layers against PyTorch; see RNNKitTests/Fixtures/make_around.py.
@Suite struct AroundTests {
  static let folder = Command.root.appendingPathComponent("Tests/RNNKitTests/Fixtures/around")

  struct Case {
    var name: String
    var forward: String
    var batchFirst: Bool
  }

  static let cases: [Case] = {
    guard let text = try? String(contentsOf: folder.appendingPathComponent("cases.json"), encoding: .utf8),
      case .object(let members)? = try? JSONValue(parsing: text)
    else { return [] }
    return members.map { Case(name: $0.key, forward: $0.value["forward"]?.string ?? "", batchFirst: $0.value["batch_first"] == .bool(true)) }
  }()

  @Test func thereAreMany() { #expect(Self.cases.count >= 33) }

  /// Each within four times PyTorch's own distance from float64, and 2e-7 of the largest number.
  @Test(arguments: cases.map(\.name)) func computesWhatPyTorchDoes(_ name: String) throws {
    let wanted = try #require(Self.cases.first { $0.name == name })
    let path = Self.folder.appendingPathComponent(name)
    let file = try ModelFile.open(
      path.appendingPathExtension("pt").path, options: ModelOptions(batchFirst: wanted.batchFirst, forward: wanted.forward))
    let arrays = try ArrayFile.read(path.appendingPathExtension("npz").path)
    let input = try #require(arrays["input"]), torch = try #require(arrays["y"]), exact = try #require(arrays["y64"])
    let found = try #require(try Plan(file.model).run(input).last)
    try #require(found.shape == torch.shape)
    let truth = exact.doubles
    let own = zip(torch.doubles, truth).map { abs($0 - $1) }.max() ?? 0
    let largest = truth.map(abs).max() ?? 0
    let error = zip(found.doubles, truth).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= 4 * own + 2e-7 * max(1, largest), "\(name): \(error), PyTorch's \(own)")
    // What is kept in a native file says the same without the declarations.
    let kept = try Architecture(json: file.model.architecture.json)
    #expect(kept == file.model.architecture)
  }
}
