import RNNFormats
import RNNKit
import RNNONNX
import Testing

/// Graphs of PyTorch's two exporters, by hand as other exporters write them, and of the official operator tests.
/// Outputs are PyTorch's or ONNX Runtime's.
@Suite struct ReadingTests {
  @Test(arguments: Fixture.names(".npz") + ["operators", "steps", "followed", "planes"].flatMap { Fixture.names(".npz", in: $0) })
  func givesTheNumbersOfPyTorchAndONNXRuntime(_ name: String) throws {
    let file = try Fixture.file("\(name).onnx")
    #expect(ONNXFormat().recognizes(file))
    let supplied = try ONNXFormat().read(file, ModelRequest(supplying: Fixture.arrays(name, "in.")))
    let results = try run(Interpretation(supplied.archive).model, supplied.members)
    for wanted in try Fixture.arrays(name, "want.") {
      let result = try #require(
        results.first { $0.name == wanted.name || $0.name.hasSuffix("." + wanted.name) }?.tensor, "\(wanted.name)")
      // A step's one number may stand without an axis of its own.
      #expect(
        result.shape == wanted.tensor.shape || result.shape.dimensions == wanted.tensor.shape.dimensions + [1],
        "\(wanted.name)")
      let limit = wanted.tensor.elementType == .float64 ? 1e-14 : 1e-6
      #expect(distance(result, wanted.tensor) <= limit, "\(wanted.name)")
    }
  }
}
