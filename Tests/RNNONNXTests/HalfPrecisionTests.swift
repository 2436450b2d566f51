import RNNFormats
import RNNKit
import RNNONNX
import Testing

/// Graphs that compute in a half type, and the numbers of the same in float32 by ONNX Runtime (Fixtures/half.py).
@Suite struct HalfPrecisionTests {
  @Test(arguments: ["float16", "bfloat16"]) func isRefusedUnlessIgnored(_ type: String) throws {
    let archive = try ONNXFormat().read(Fixture.file("half/\(type).onnx"))
    #expect(
      refusal { _ = try Interpretation(archive) }
        == "node lstm (LSTM): the graph computes it in \(type), and RNNKit does not; "
        + "say ignoring: [.halfPrecision] to compute in float32")
    let read = try Interpretation(archive, options: ModelOptions(ignoring: [.halfPrecision]))
    #expect(read.assumptions == ["what the graph computes in \(type) is computed in float32, the weights widened"])
    let arrays = try NPZArrayFormat().read(Fixture.file("half/\(type).npz"))
    let found = try run(read.model, arrays.filter { $0.name == "input" }).first { $0.name == "y" }
    let wanted = try #require(arrays.first { $0.name == "y" })
    #expect(try distance(#require(found).tensor, wanted.tensor) <= 1e-6)
  }

  @Test(arguments: ["type_float16", "type_bfloat16"]) func weightsThatACastWidensAreNone(_ name: String) throws {
    #expect(try ONNXFormat().read(Fixture.file("\(name).onnx")).departures.isEmpty)
  }
}
