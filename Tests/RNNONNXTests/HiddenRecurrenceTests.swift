import RNNFormats
import RNNKit
import RNNONNX
import Testing

/// Graphs whose recurrent layer stands where RNNKit does not read are called so (Fixtures/hidden/make.py).
@Suite struct HiddenRecurrenceTests {
  private static let choice = "and which branch is taken depends on the graph's input; export the model with the condition decided, so that no If "
    + "remains, or save one branch as a model of its own"

  @Test(arguments: [
    ("other_branches", "node choice (If): the LSTM stands in a branch of it, \(choice)"),
    ("loop", "node steps (Loop): the LSTM stands in a graph inside it, which RNNKit does not follow; export that part as a "
      + "model of its own, or use the weights as the framework itself saves them"),
    ("function", "function own.Encoder: the LSTM stands in a function of the file, which RNNKit does not follow; put the "
      + "function's nodes into the graph, in Python: onnx.save(onnx.inliner.inline_local_functions(onnx.load(IN)), OUT)"),
    ("quantized", "node lstm (com.microsoft.DynamicQuantizeLSTM): it computes with quantized numbers, which RNNKit does not; "
      + "use the model as it was before it was quantized"),
    ("unused", "node lstm (LSTM): no output of the graph depends on it; make what it gives one of the graph's outputs, or use "
      + "the framework's own file"),
  ])
  func saysWhereItIs(_ name: String, _ message: String) throws {
    let file = try Fixture.file("hidden/\(name).onnx")
    #expect(ONNXFormat().recognizes(file))
    #expect(refusal { _ = try ONNXFormat().read(file) } == message)
  }

  /// Branches that are the same are one, whatever their values are called, and so is a branch in a branch.
  @Test(arguments: ["branches", "branches_in_branches"])
  func followsBranchesThatAreTheSame(_ name: String) throws {
    let model = try Interpretation(ONNXFormat().read(Fixture.file("hidden/\(name).onnx"))).model
    #expect(model.architecture.recurrentModules.map(\.cell) == [.lstm])
    _ = try Plan(model)
  }

  /// What stands behind a recurrent layer is shown, and not computed.
  @Test func showsWhatIsQuantizedBehindIt() throws {
    let archive = try ONNXFormat().read(Fixture.file("hidden/quantized_head.onnx"))
    #expect(archive.notes.contains("""
      quantize cannot be run: node quantize (DynamicQuantizeLinear): it computes with quantized numbers, which RNNKit does not; \
      use the model as it was before it was quantized
      """))
    #expect(refusal { _ = try Plan(Interpretation(archive).model) } != nil)
  }

  /// What the message proposes for a function works.
  @Test func readsAFunctionThatWasPutIntoTheGraph() throws {
    let model = try Interpretation(ONNXFormat().read(Fixture.file("hidden/function_inlined.onnx"))).model
    #expect(model.architecture.recurrentModules.map(\.cell) == [.lstm])
  }

  /// Cut short anywhere, nothing ends in a crash.
  @Test func survivesBeingCutShort() throws {
    for name in ["branches_in_branches", "function"] {
      let bytes = try Fixture.file("hidden/\(name).onnx").withUnsafeBytes { Array($0) }
      for length in stride(from: 0, to: bytes.count, by: 3) {
        #expect(refusal { _ = try ONNXFormat().read(InputFile(Array(bytes[..<length]), name: "cut")) } != nil)
      }
    }
  }
}
