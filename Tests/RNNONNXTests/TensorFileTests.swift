import RNNFormats
import RNNModel
import RNNONNX
import Testing

/// ONNX's tensor files, `.pb`.
@Suite struct TensorFileTests {
  @Test func readsTheOfficialTestData() throws {
    let file = try Fixture.file("operators/input_0.pb")
    #expect(ONNXTensorFormat().recognizes(file))
    #expect(!ONNXFormat().recognizes(file))
    let arrays = try ONNXTensorFormat().read(file)
    #expect(arrays.map(\.name) == ["X"])
    // X of the last official test in the alphabet, test_simple_rnn_with_initial_bias.
    #expect(arrays[0].tensor.shape.dimensions == [1, 3, 3])
    #expect(arrays[0].tensor.doubles == [1, 2, 3, 4, 5, 6, 7, 8, 9])
  }

  @Test func writesWhatItReads() throws {
    let tensor = try #require(Shape([2, 3]).flatMap { Tensor([1, -2, 0.5, 4, 5, .infinity] as [Double], $0) })
    let scratch = try Scratch()
    var output = try OutputFile(scratch.path("y.pb"), replacing: false)
    try ONNXTensorFormat().write(ArrayOutput(members: [], end: tensor), to: &output)
    try output.commit()
    let file = try InputFile(scratch.path("y.pb"))
    #expect(ONNXTensorFormat().recognizes(file))
    #expect(try ONNXTensorFormat().read(file)[0].tensor.isIdentical(to: tensor))
  }

  @Test(arguments: ["0.5,1\n2,3\n", "[1, 2]", "\u{10}", "", "PK\u{3}\u{4}"])
  func leavesOtherFilesAlone(_ text: String) {
    let file = InputFile(Array(text.utf8), name: "other")
    #expect(!ONNXFormat().recognizes(file))
    #expect(text == "\u{10}" || !ONNXTensorFormat().recognizes(file))
  }

  @Test func refusesWhatIsNoProtobuf() {
    let file = InputFile([0x10, 0x01, 0x4A, 0xFF], name: "x.pb")
    #expect(
      refusal { _ = try ONNXTensorFormat().read(file) }
        == "the file is not valid protobuf; copy the file again; it is cut short or damaged")
  }
}
