import Foundation
import RNNKit
import Testing

/// `Model.open`: a model and nothing else, or the assumptions with it.
@Suite struct ModelOpeningTests {
  private static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("SampleModels")
  private let native = Self.samples.appendingPathComponent("sunspots/sunspots.rnn")
  private let weights = Self.samples.appendingPathComponent("tagger/model.pt")

  @Test func opensAFileOrItsBytes() throws {
    let (file, bytes) = (try Model.open(native.path), try Model.open(bytes: [UInt8](Data(contentsOf: native))))
    #expect(file.architecture == bytes.architecture && file.archive.tensors.count == bytes.archive.tensors.count)
    #expect(zip(file.archive.tensors, bytes.archive.tensors).allSatisfy { $0.name == $1.name && $0.tensor.isIdentical(to: $1.tensor) })
  }

  /// A state_dict does not say its forward: without somebody to tell, that is an error.
  @Test func assumesNothingUnlessItIsTold() throws {
    func refusal() -> RNNError? {
      do throws(RNNError) { _ = try Model.open(weights.path) } catch { return error }
      return nil
    }
    let error = try #require(refusal())
    #expect(error.kind == .badData && "\(error)".contains("batch_first False") && "\(error)".contains("noting"))
    var notes: [String] = []
    let model = try Model.open(weights.path) { notes.append("\($0)") }
    #expect(notes.count == 2 && notes.contains { $0.contains("fc(lstm(x))") } && model.architecture.modules.count == 2)
  }

  @Test func refusesWhatIsNoModel() {
    #expect(throws: RNNError.self) { try Model.open("/nowhere/model.rnn") { _ in } }
    #expect(throws: RNNError.self) { try Model.open(bytes: []) { _ in } }
    #expect(throws: RNNError.self) { try Model.open(bytes: Array("<html>".utf8)) { _ in } }
  }
}
