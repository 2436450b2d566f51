import Foundation
import RNNHDF5
import RNNKit
import RNNONNX
import Testing

/// Modules that cannot be run may be called on nothing, or on several values, as files say; every writer takes that or refuses.
@Suite struct UnknownCallTests {
  private static let registry = KerasFixture.registry.adding(KerasH5Format(HDF5File())).adding(ONNXFormat())
  static let formats: [String] = registry.formats.filter { $0.canWrite }.map { $0.name }

  private static func model(_ inputs: Int) throws -> Model {
    let sample = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("SampleModels/gru.rnn").path
    let whole = try ModelFile.open(sample).model
    var architecture = whole.architecture
    architecture.modules.append(.unknown(UnknownModule(name: "conv", className: "Conv1d", tensorNames: [])))
    var forward = Forward()
    let rnn = forward.add(.module(try #require(architecture.recurrentModules.first).name), .input(0))
    let conv = forward.add(.module("conv"), of: [Forward.Value](repeating: rnn, count: inputs))
    let sum = forward.add(.arithmetic(.add), rnn, conv)
    forward.outputs = [Forward.Output(sum)]
    architecture.forward = forward
    return try Model(whole.archive, architecture: architecture)
  }

  @Test(arguments: formats, 0...2) func areWrittenOrRefused(_ format: String, _ inputs: Int) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("rnn-\(UUID()).\(format)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = try Self.model(inputs)
    do throws(RNNError) {
      try model.write(to: path, as: format, registry: Self.registry)
    } catch {
      #expect(error.kind == .badData && error.remedy != nil, "\(error)")
      #expect(!FileManager.default.fileExists(atPath: path))
      return
    }
    let again = try ModelFile.open(path, as: format, registry: Self.registry).model
    #expect(again.architecture.forward == model.architecture.forward)
  }
}
