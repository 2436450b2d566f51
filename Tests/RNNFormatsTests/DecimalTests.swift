import Foundation
import RNNFormats
import RNNModel
import Testing

/// Numbers in text, against the C library's `strtod`, which rounds correctly, and against Python's reading.
@Suite struct DecimalTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64 = 20
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  /// Numbers of every length and size, some with zeros where others have digits.
  private static func numbers(_ count: Int) -> [String] {
    var generator = Generator()
    func digits(_ most: Int) -> String {
      let isSparse = Bool.random(using: &generator)
      return (0..<Int.random(in: 1...most, using: &generator)).map { _ in
        isSparse && Bool.random(using: &generator) ? "0" : String(Int.random(in: 0...9, using: &generator))
      }.joined()
    }
    return (0..<count).map { _ in
      var text = ["", "", "-", "+"].randomElement(using: &generator) ?? ""
      text += digits(22)
      if Bool.random(using: &generator) { text += "." + digits(12) }
      if Bool.random(using: &generator) {
        text += (["e", "E", "e-", "e+"].randomElement(using: &generator) ?? "") + digits(Bool.random(using: &generator) ? 2 : 1)
      }
      return text
    }
  }

  /// Short texts of a number's characters, most of them no numbers.
  private static func texts(_ count: Int) -> [String] {
    var generator = Generator(state: 21)
    let fixed = [
      "+1.5", "1.", ".5", "1e5", "1.e5", ".e5", ".", "+", "-", "", "e5", "1e", "1e+", "--1", "+-1", "1..2", "1.2.3", "00", "-00",
      "007", "-0", "0e0", "1e999", "-1e999", "1e-999", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
      "-9223372036854775809", "18446744073709551616", "11.0e-9", "0.1", "1e22", "1e23", "9007199254740993", "nan", "inf",
      "-inf", "+nan", "Infinity", "iNf", "infinit", "na", "0x10", "1f", "1_0", "1 0",
    ]
    return fixed + (0..<count).map { _ in
      String((0..<Int.random(in: 1...6, using: &generator)).map { _ in "0012359+-.eE".randomElement(using: &generator) ?? "0" })
    }
  }

  private static func csv(_ text: String) -> Tensor? { try? CSVTests.read(text + "\n") }
  private static func json(_ text: String) -> Tensor? { (try? JSONArrayTests.read("[\(text)]"))?.first?.tensor }

  @Test func readsTheNearestNumber() {
    for text in Self.numbers(20_000) {
      let expected = strtod(text, nil)
      guard expected.isFinite else { continue }
      let found = Self.csv(text)
      #expect(found?.doubles.first?.bitPattern == expected.bitPattern || found?.elementType == .int64, "\(text)")
      if found?.elementType == .int64 { #expect(found?.integer(0) == Int64(text), "\(text)") }
      let isJSON = !text.hasPrefix("+") && (try? JSONValue(parsing: text)) != nil
      // A line of a file is a step of features, a list in JSON one axis.
      if isJSON {
        let json = Self.json(text)
        #expect(json?.elementType == found?.elementType && json?.doubles == found?.doubles, "\(text)")
      }
    }
  }

  @Test(.enabled(if: Python.has("json"), "no Python"))
  func readsWhatPythonReads() throws {
    let texts = Self.texts(4000) + Self.numbers(1000)
    let folder = try TemporaryFolder()
    try texts.joined(separator: "\n").write(toFile: folder("texts"), atomically: true, encoding: .utf8)
    // Of each text: what float makes of it, and what JSON, as bits; "-" for nothing.
    let script = """
      import json, struct, sys
      bits = lambda x: struct.pack('>d', x).hex()
      def read(reader, text):
          try: return bits(reader(text))
          except (ValueError, OverflowError, TypeError): return '-'
      strict = lambda text: float(json.loads(text, parse_constant=lambda name: None))
      plain = lambda text: float('x') if '_' in text else float(text)
      for text in open(sys.argv[1]).read().split('\\n'): print(read(plain, text), read(strict, text))
      """
    let lines = try Python.run(["-c", script, folder("texts")]).split(separator: "\n")
    try #require(lines.count == texts.count)
    var (numbers, others) = (0, 0)
    for (text, line) in zip(texts, lines) {
      let expected = line.split(separator: " ").map { UInt64($0, radix: 16).map { Double(bitPattern: $0) } }
      for (expected, found) in zip(expected, [Self.csv(text), Self.json(text)]) {
        // What float64 does not hold is refused; names of numbers are none of JSON's.
        let isWord = text.contains { "nN".contains($0) }
        let isFit = expected.map { $0.isFinite || isWord } ?? false
        #expect((found?.count == 1) == isFit, "\(text)")
        guard let expected, isFit, let value = found?.doubles.first else {
          others += 1
          continue
        }
        // Python's json takes -0 for a whole number, which has no sign; here it keeps it.
        let isWhole = found?.elementType == .int64 || text == "-0"
        #expect(value == expected && (isWhole || value.sign == expected.sign) || value.isNaN && expected.isNaN, "\(text)")
        numbers += 1
      }
    }
    #expect(numbers > 2000 && others > 2000, "\(numbers), \(others)")
  }
}

/// Text that begins with a byte order mark, as Windows' programs write it.
@Suite struct ByteOrderMarkTests {
  private static let mark = "\u{FEFF}"

  @Test func readsArrays() throws {
    let expected = try makeTensor([1, 2.5] as [Double], [2])
    #expect(try JSONArrayTests.read(Self.mark + "[1, 2.5]")[""]?.isIdentical(to: expected) == true)
    #expect(try JSONArrayTests.read(Self.mark + "\n {\"x\": [1, 2.5]}")["x"]?.isIdentical(to: expected) == true)
  }

  @Test(arguments: ["json/guitarml.json", "json/rtneural_lstm.json", "json/aidax.json", "json/lstm.nam", "json/guitarml.state_dict.json"])
  func readsModels(_ name: String) throws {
    let file = try Fixture.file(name)
    let bytes = file.withUnsafeBytes { Array($0) }
    let plain = try FormatRegistry.standard.read(file)
    let marked = try FormatRegistry.standard.read((Array(Self.mark.utf8) + bytes).file)
    #expect(!plain.tensors.isEmpty && marked.tensors.map(\.name) == plain.tensors.map(\.name))
    for (found, expected) in zip(marked.tensors, plain.tensors) { #expect(found.tensor.isIdentical(to: expected.tensor)) }
  }

  @Test(arguments: ["", " ", "1"]) func refusesItAnywhereElse(_ before: String) {
    #expect(throws: RNNError.self) { try JSONValue(parsing: before + Self.mark + Self.mark + "1") }
  }
}

extension Tensor {
  fileprivate func integer(_ index: Int) -> Int64? {
    guard elementType == .int64, index < count else { return nil }
    return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: Int64.self) }
  }
}
