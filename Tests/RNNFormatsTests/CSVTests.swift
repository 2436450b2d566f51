import RNNFormats
import RNNModel
import Testing

@Suite struct CSVTests {
  static func read(_ text: String) throws -> Tensor {
    let arrays = try ArrayRegistry.standard.read(Array(text.utf8).file)
    #expect(arrays.map(\.name) == [""])
    return try #require(arrays.first?.tensor)
  }

  @Test(arguments: [
    "1.5,2\n-3,4e-3\n", "1.5,2\r\n-3,4e-3\r\n", "1.5,2\r-3,4e-3", "\u{FEFF}1.5,2\n-3,4e-3", " 1.5 ,\t2\n\n-3, 4e-3\n\n",
    "# made by hand\n1.5,2 # the first\n#\n-3,4e-3\n", "year,number of spots\n1.5,2\n-3,4e-3\n",
    "jahr,größe\n1.5,2\n-3,4e-3\n",
    "\"year\",\"spots\"\n+1.5,2.\n-3.0,.004",
  ])
  func readsARowAStep(_ text: String) throws {
    #expect(try Self.read(text).isIdentical(to: try makeTensor([1.5, 2, -3, 0.004], [2, 2])))
  }

  @Test func readsAColumn() throws {
    #expect(try Self.read("0.5\n0.25\n").isIdentical(to: try makeTensor([0.5, 0.25], [2, 1])))
  }

  @Test func readsWhatIsNotFinite() throws {
    let tensor = try Self.read("nan,inf,-Infinity,NaN,+inf,-inf\n")
    let infinity = Double.infinity
    #expect(tensor.isIdentical(to: try makeTensor([.nan, infinity, -infinity, .nan, infinity, -infinity], [1, 6])))
  }

  @Test func keepsWholeNumbersWhole() throws {
    let expected = try makeTensor([1, -2, 9_007_199_254_740_993, 4] as [Int64], [2, 2])
    #expect(try Self.read("1,-2\n9007199254740993,4\n").isIdentical(to: expected))
    #expect(try Self.read("1,-0\n").elementType == .float64)
    #expect(try Self.read("1,9223372036854775808\n").elementType == .float64)
  }

  @Test(arguments: [
    ("1,2\n3\n", "line 2: 1 columns, expected 2 as in the rows before; give every row as many numbers"),
    ("a,b\n# x\n1,2\n\n3,4,5\n", "line 5: 3 columns, expected 2 as in the rows before; give every row as many numbers"),
    ("1;2\n", "line 1: semicolons, expected commas between columns; save it with commas, and points in the numbers"),
    ("1\t2\n", "line 1: tabs between columns (a TSV file), expected commas; turn them into commas: tr '\\t' ',' < FILE > x.csv"),
    ("t,x\n2024-01-31,1\n", "line 2: column 1 is a date or time, \"2024-01-31\", and no number; leave the column out: cut -d, -f1 --complement FILE > x.csv"),
    ("1,12:30:59\n", "line 1: column 2 is a date or time, \"12:30:59\", and no number; leave the column out: cut -d, -f2 --complement FILE > x.csv"),
    ("1,1-2\n", "line 1: column 2 is \"1-2\", expected a number; correct the number"),
    ("1,2,\n", "line 1: column 3 is empty, expected a number; correct the number"),
    ("1,b\n", "line 1: column 2 is \"b\", expected a number; correct the number"),
    ("a,b\nc,d\n", "line 2: column 1 is \"c\", expected a number; correct the number"),
    ("1 2\n", "line 1: column 1 is \"1 2\", expected a number; correct the number"),
    ("a,2nd\n", "line 1: column 1 is \"a\", expected a number; correct the number"),
    ("1,0x10\n", "line 1: column 2 is \"0x10\", expected a number; correct the number"),
    ("1,1e\n", "line 1: column 2 is \"1e\", expected a number; correct the number"),
    ("1,٣\n", "line 1: column 2 is \"٣\", expected a number; correct the number"),
    ("1\n1e999\n", "line 2: column 1 is 1e999, too large for float64; correct the number"),
    (",a\n0,1.5\n",
      "line 1: the first column has no name, as that of row numbers has none; save the table without row numbers"),
    ("# nothing\n\n", "no row of numbers; give a row of numbers for each step"),
    ("a,b\n", "no row of numbers; give a row of numbers for each step"),
    ("", "the file is empty; write the array again"),
  ])
  func refusesWhatIsNoTable(_ text: String, _ message: String) {
    #expect(refusal { _ = try Self.read(text) } == "test: " + message)
  }

  @Test func writesTheShortestDecimals() throws {
    let tensor = try makeTensor([0.1, 1, -0.0, .nan, .infinity, 1e-5] as [Float], [2, 3])
    #expect(try Self.write(tensor) == "0.1,1.0,-0.0\nnan,inf,1e-05\n")
  }

  @Test(arguments: [([3], nil), ([3, 1], nil), ([1, 3, 1], 0), ([3, 1, 1], 1)] as [([Int], Int?)])
  func writesOneSequence(_ sizes: [Int], batchAxis: Int?) throws {
    let tensor = try makeTensor([1, 2, 3] as [Int64], sizes)
    #expect(try Self.write(tensor, batchAxis: batchAxis) == "1\n2\n3\n")
  }

  @Test func refusesToWriteABatch() throws {
    let tensor = try makeTensor([1, 2, 3, 4] as [Double], [2, 2, 1])
    #expect(refusal { _ = try Self.write(tensor, batchAxis: 1) }
      == "a table holds one sequence, the output has 2 (axis 1 of (2, 2, 1)); "
      + "write .npy, .npz or .json, or run one sequence")
  }

  @Test func refusesToWriteMoreThanTwoAxes() throws {
    let tensor = try makeTensor([1] as [Double], [1, 1, 1])
    #expect(refusal { _ = try Self.write(tensor) }
      == "a table has two axes, the output has 3: (1, 1, 1); write .npy, .npz or .json")
  }

  @Test func refusesToWriteComplexNumbers() throws {
    let tensor = try makeTensor(.complex64, [1], bytes: [UInt8](repeating: 0, count: 8))
    #expect(refusal { _ = try Self.write(tensor) } == "a table cannot hold complex64; write .npy or .npz")
  }

  static func write(_ tensor: Tensor, batchAxis: Int? = nil) throws -> String {
    let output = ArrayOutput(members: [], end: tensor, batchAxis: batchAxis)
    let bytes = try written { try CSVFormat().write(output, to: &$0) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
