import RNNFormats
import RNNModel
import Testing

@Suite struct StateDictJSONTests {
  private func read(_ text: String) throws -> TensorArchive {
    try FormatRegistry.standard.read(InputFile(Array(text.utf8), name: "model.json"))
  }

  private static let remedy = "write nested lists of numbers, as tensor.tolist() gives them"

  @Test func keepsTheObjectsOrder() throws {
    let archive = try read(
      #"{"z.weight": [[1, 2.5], [3, -0.0]], "a.bias": [0.1, 1e-3], "steps": 7, "mask": [true, false]}"#)
    #expect(archive.tensors.map(\.name) == ["z.weight", "a.bias", "steps", "mask"])
    #expect(archive.isOrdered)
    #expect(archive.tensors.map(\.tensor.elementType) == [.float32, .float32, .int64, .bool])
    #expect(archive.tensors.map(\.tensor.shape.dimensions) == [[2, 2], [2], [], [2]])
    let expected = try floats([1, 2.5, 3, -0.0], 2, 2)
    #expect(archive["z.weight"]?.isIdentical(to: expected) == true)
    #expect(archive["a.bias"]?.doubles == [Double(Float(0.1)), Double(Float(0.001))])
  }

  @Test func readsWhatPythonWritesForNaNAndInfinity() throws {
    let values = try #require(try read(#"{"w": [NaN, Infinity, -Infinity]}"#)["w"]).doubles
    #expect(values[0].isNaN && values[1] == .infinity && values[2] == -.infinity)
  }

  @Test(arguments: [
    (#"{"w": [[1, 2], [3]]}"#, "tensor w[1]", "a list of 1, expected 2 as in the first list of this level"),
    (#"{"w": [[1, 2], 3]}"#, "tensor w[1]", "no list, expected one as before it"),
    (#"{"w": [1, [2]]}"#, "tensor w[1]", "a list, expected a number as before it"),
    (#"{"w": [[], [[]]]}"#, "tensor w[1][0]", "a list, expected a number as before it"),
    (#"{"w": [[1], ["x"]]}"#, "tensor w[1][0]", "neither a number nor a list"),
    (#"{"w": [1, null]}"#, "tensor w[1]", "neither a number nor a list"),
    (#"{"w": [1, true]}"#, "tensor w[1]", "true or false, expected a number as before it"),
    (#"{"w": [true, 1.5]}"#, "tensor w[1]", "a number, expected true or false"),
    (#"{"w": [1e39]}"#, "tensor w[0]", "1e+39, too large for float32"),
    (#"{"w": [1], "nonlinearity": "relu"}"#, "tensor nonlinearity", "neither a number nor a list"),
  ])
  func refusesListsThatAreNoTensor(text: String, place: String, problem: String) {
    #expect(
      error { _ = try StateDictJSONFormat().read(InputFile(Array(text.utf8), name: "m")) }
        == RNNError(.badData, place: place, problem, remedy: Self.remedy))
  }

  @Test(arguments: [
    (#"{"w": [1], "w": [2]}"#, "offset 14", #"the key "w" stands twice"#),
    (#"{"w": [1]"#, "offset 9", "neither comma nor closing brace"),
    (#"{"w": [1}"#, "offset 9", "neither comma nor closing brace"),
    (#"{"w": [1 2]}"#, "offset 9", "neither comma nor closing bracket"),
    (#"{"w": [01]}"#, "offset 7", "a number with a leading zero"),
    (#"{"w": [1]} {}"#, "offset 11", "text after the JSON value"),
  ])
  func refusesTextThatIsNoJSON(text: String, place: String, problem: String) {
    #expect(
      error { _ = try StateDictJSONFormat().read(InputFile(Array(text.utf8), name: "m")) }
        == RNNError(.badData, place: place, "\(problem), expected valid JSON", remedy: "write the file again"))
  }

  @Test func doesNotTakeOtherJSONForAStateDict() {
    for text in ["", "[1]", "{}", #"{"metadata": {}, "weight_map": {}}"#, #"{"in_shape": 1, "w": [1]}"#, "{\"w\": "] {
      #expect(!StateDictJSONFormat().recognizes(InputFile(Array(text.utf8), name: "x")), "\(text)")
    }
  }

  @Test func givesEveryBitBack() throws {
    let patterns: [UInt32] = [
      0, 0x8000_0000, 1, 0x007F_FFFF, 0x7F7F_FFFF, 0x3DCC_CCCD, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000,
    ]
    var archive = TensorArchive()
    let bytes = (0..<24).map { UInt8($0 * 10) }
    try archive.append("rnn.weight_ih_l0", floats(patterns.map(Float.init(bitPattern:)), 1, 9))
    try archive.append("rnn.weight_hh_l0", doubles([0.1], 1, 1))
    try archive.append("half", tensor(.float16, [2, 1], [0x01, 0x00, 0xFF, 0x7B]))
    try archive.append("brain", tensor(.bfloat16, [2], [0x01, 0x00, 0xCD, 0x3D]))
    for type in [ElementType.int64, .uint64, .int32, .uint32, .int16, .uint16, .int8, .uint8] {
      try archive.append(type.rawValue, tensor(type, [24 / type.byteCount], bytes))
    }
    try archive.append("flag", tensor(.bool, [], [1]))
    try archive.append("count", tensor(.int64, [], [7, 0, 0, 0, 0, 0, 0, 0]))
    try archive.append("none", tensor(.float32, [2, 0, 3], []))
    archive.metadata = [.init("author", .string("a \"b\"")), .init("n", .integer(1))]
    archive.cases = [
      ReferenceCase(
        name: "first",
        members: [
          NamedTensor("input", try tensor(.int64, [3], bytes)),
          NamedTensor("output", try tensor(.float32, [3, 2], bytes)),
        ], metadata: [.init("framework", .string("torch"))]),
      ReferenceCase(name: "empty", members: []),
    ]
    archive.architecture = Architecture(
      modules: [.recurrent(Recurrent(name: "rnn", cell: .rnn, inputSize: 9, hiddenSize: 1, bias: false))])
    let back = try roundTrip(archive, through: StateDictJSONFormat())
    expectSame(back, archive)
  }

  @Test func refusesToWriteANaNThatJSONWouldChange() throws {
    var archive = TensorArchive()
    try archive.append("weight_ih_l0", floats([Float(bitPattern: 0xFFC0_0000)], 1, 1))
    try archive.append("weight_hh_l0", floats([1], 1, 1))
    let refused = error { _ = try roundTrip(archive, through: StateDictJSONFormat()) }
    #expect(
      refused
        == RNNError(
          .badData, place: "tensor weight_ih_l0", "JSON cannot hold the bits of its NaN",
          remedy: "write another format"))
  }

  @Test(.enabled(if: isReadable("../shared/real-models")), arguments: ["lstm", "gru"])
  func readsRTNeuralsStateDicts(cell: String) throws {
    let archive = try FormatRegistry.standard.read(InputFile("../shared/real-models/rtneural_\(cell)_torch/model.json"))
    let model = try Interpretation(archive).model
    // Two recurrent modules may be an encoder and a decoder.
    #expect(model.architecture.forward == nil)
    #expect(
      model.architecture.modules.map(\.description) == [
        "\(cell.uppercased())(1, 8)", "\(cell.uppercased())(8, 8, num_layers=3)",
        "Linear(in_features=8, out_features=1, bias=True)",
      ])
    #expect(archive.tensors.first?.tensor.doubles.first == Double(Float(-0.0026469905860722065)))
  }
}
