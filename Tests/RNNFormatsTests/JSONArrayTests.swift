import RNNFormats
import RNNModel
import Testing

@Suite struct JSONArrayTests {
  static func read(_ text: String) throws -> [NamedTensor] {
    try ArrayRegistry.standard.read(Array(text.utf8).file)
  }

  @Test func readsALoneArray() throws {
    let arrays = try Self.read(" [[1, 2.5], [3, -4]]\n")
    #expect(arrays.map(\.name) == [""])
    let expected = try makeTensor([1, 2.5, 3, -4] as [Double], [2, 2])
    #expect(arrays[""]?.isIdentical(to: expected) == true)
  }

  @Test func readsMembersInOrder() throws {
    let arrays = try Self.read(
      #"{"input": [[[0.5]]], "lengths": [2, 1], "scale": 2.0, "none": [], "no columns": [[], []]}"#)
    #expect(arrays.map(\.name) == ["input", "lengths", "scale", "none", "no columns"])
    #expect(arrays.map(\.tensor.elementType) == [.float64, .int64, .float64, .float64, .float64])
    #expect(arrays.map(\.tensor.shape.dimensions) == [[1, 1, 1], [2], [], [0], [2, 0]])
  }

  @Test(arguments: [
    ("[[1, 2], [3]]", "[1]: a list of 1, expected 2 as in the first list of this level"),
    (#"{"x": [[[1], [2]], [[1], [2, 3]]]}"#, "x[1][1]: a list of 2, expected 1 as in the first list of this level"),
    (#"{"x": [[1], 2]}"#, "x[1]: no list, expected one as before it"),
    ("[1, [2]]", "[1]: a list, expected a number as before it"),
    (#"[1, "two"]"#, "[1]: no number"),
    ("[true]", "[0]: no number"),
    (#"{"a": {"b": [1]}}"#, "a: no number"),
  ])
  func refusesWhatIsNoArray(_ text: String, _ problem: String) {
    #expect(refusal { _ = try Self.read(text) } == "test: \(problem); give nested lists of numbers, of equal lengths")
  }

  @Test func refusesTooManyAxes() {
    let text = String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
    #expect(refusal { _ = try Self.read(text) } == "test: more than 32 levels of lists; give nested lists of numbers, of equal lengths")
  }

  @Test(arguments: [
    "[1,", "[NaN]", "[1]x", "{\"a\": [1], \"a\": [2]}",
  ])
  func refusesWhatIsNoJSON(_ text: String) {
    #expect(refusal { _ = try Self.read(text) }?.hasSuffix(", expected valid JSON; write the file again") == true)
  }

  @Test func writesAndReadsBack() throws {
    let values: [Float] = [0.1, 1, -0.0, .nan, .infinity, -.infinity]
    let members = [
      NamedTensor("output", try makeTensor(values, [1, 2, 3])),
      NamedTensor("n \"1\"", try makeTensor([1, 2] as [Int64], [2])),
      NamedTensor("scalar", try makeTensor([2.5] as [Double], [])),
    ]
    let output = ArrayOutput(members: members, end: members[0].tensor)
    let bytes = try written { try JSONArrayFormat().write(output, to: &$0) }
    #expect(String(decoding: bytes, as: UTF8.self) == """
      {
        "output": [
          [
            [0.1, 1.0, -0.0],
            ["nan", "inf", "-inf"]]],
        "n \\"1\\"": [1, 2],
        "scalar": 2.5
      }

      """)
    let arrays = try ArrayRegistry.standard.read(bytes.file)
    #expect(arrays.map(\.name) == members.map(\.name))
    let expected = try makeTensor(values.map { Double("\($0)") ?? .nan }, [1, 2, 3])
    #expect(arrays["output"]?.isIdentical(to: expected) == true)
    #expect(arrays["scalar"]?.isIdentical(to: members[2].tensor) == true)
  }

  @Test func refusesToWriteComplexNumbers() throws {
    let tensor = try makeTensor(.complex64, [1], bytes: [UInt8](repeating: 0, count: 8))
    let output = ArrayOutput(members: [NamedTensor("z", tensor)], end: tensor)
    #expect(refusal { _ = try written { try JSONArrayFormat().write(output, to: &$0) } }
      == "z: JSON cannot hold complex64; write .npz")
  }
}
