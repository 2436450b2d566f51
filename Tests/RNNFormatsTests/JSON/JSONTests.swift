import RNNFormats
import RNNModel
import Testing

/// The rules are those of RFC 8259; what is stricter says so.
@Suite struct JSONTests {
  private func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

  // MARK: Numbers

  @Test(arguments: [
    ("0", 0), ("-1", -1), ("7", 7), ("9223372036854775807", .max), ("-9223372036854775808", .min),
    (" \t\r\n12 \n", 12),
  ] as [(String, Int64)])
  func readsWholeNumbersAsIntegers(_ text: String, _ expected: Int64) throws {
    #expect(try value(text) == .integer(expected))
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "18446744073709551615", String(repeating: "9", count: 300),
  ])
  func keepsLargeIntegersAsTheyAre(_ text: String) throws {
    #expect(try value(text) == .largeInteger(text))
    #expect(try value(text).text == text)
    #expect(try value(text).double == Double(text))
    #expect(try value(text).integer == nil)
  }

  @Test(arguments: [
    ("1.0", 1), ("1e0", 1), ("1E+2", 100), ("1e-2", 0.01), ("0.1", 0.1), ("-0.0", -0.0), ("-0", -0.0), ("0e0", 0),
    ("123.456e78", 123.456e78), ("1.7976931348623157e308", .greatestFiniteMagnitude),
    ("5e-324", .leastNonzeroMagnitude),
    ("2.2250738585072011e-308", .leastNormalMagnitude.nextDown), ("1e-400", 0), ("0.30000000000000004", 0.1 + 0.2),
    ("9007199254740993.0", 9_007_199_254_740_992), ("1" + String(repeating: "0", count: 300) + ".0e-300", 1),
  ] as [(String, Double)])
  func readsOtherNumbersAsFloat64(_ text: String, _ expected: Double) throws {
    guard case .number(let number) = try value(text) else {
      Issue.record("\(text) is no number")
      return
    }
    #expect(number.bitPattern == expected.bitPattern)
  }

  @Test(arguments: [
    ("+1", "offset 0: an unexpected character"), (".5", "offset 0: an unexpected character"),
    ("-", "offset 0: an unexpected character"), ("-a", "offset 0: an unexpected character"),
    ("--1", "offset 0: an unexpected character"), ("01", "offset 0: a number with a leading zero"),
    ("-01", "offset 0: a number with a leading zero"), ("00", "offset 0: a number with a leading zero"),
    ("1.", "offset 0: a number without digits after the point"),
    ("1.e1", "offset 0: a number without digits after the point"),
    ("1e", "offset 0: a number without an exponent's digits"),
    ("1e+", "offset 0: a number without an exponent's digits"),
    ("1e1.5", "offset 3: text after the JSON value"), ("0x10", "offset 1: text after the JSON value"),
    ("1_000", "offset 1: text after the JSON value"), ("1 2", "offset 2: text after the JSON value"),
    ("NaN", "offset 0: an unexpected character"), ("Infinity", "offset 0: an unexpected character"),
    ("-Infinity", "offset 0: an unexpected character"), ("１", "offset 0: an unexpected character"),
    ("1e400", "offset 0: a number too large for float64"), ("-1e400", "offset 0: a number too large for float64"),
    ("1" + String(repeating: "0", count: 400), "offset 0: a number too large for float64"),
  ])
  func refusesWhatIsNoNumber(_ text: String, _ message: String) {
    expectRefusal(text, message)
  }

  // MARK: Strings

  @Test(arguments: [
    (#""""#, ""), (#""a""#, "a"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u00E9""#, "Aéé"),
    (#""\u0000""#, "\0"), (#""\ud83d\ude00""#, "😀"), (#""\uDBFF\uDFFF""#, "\u{10FFFF}"),
    (#""\ud800\udc00""#, "\u{10000}"),
    (#""\ue000\ufffe\uffff""#, "\u{E000}\u{FFFE}\u{FFFF}"),
    ("\"\u{7F}\u{80}\u{2028}\u{FEFF}日本語\"", "\u{7F}\u{80}\u{2028}\u{FEFF}日本語"),
    (#""e\u0301""#, "e\u{301}"),
  ])
  func readsStrings(_ text: String, _ expected: String) throws {
    let string = try #require(try value(text).string)
    #expect(Array(string.unicodeScalars) == Array(expected.unicodeScalars))
  }

  @Test(arguments: [
    (#"""#, "offset 1: the text ends early"), (#""a"#, "offset 2: the text ends early"),
    (#""\"#, "offset 2: the text ends early"),
    (#""\""#, "offset 3: the text ends early"), ("\"\n\"", "offset 2: a control character in a string"),
    ("\"\u{0}\"", "offset 2: a control character in a string"),
    ("\"\u{1F}\"", "offset 2: a control character in a string"),
    (#""\a""#, "offset 3: an unknown escape"), (#""\x41""#, "offset 3: an unknown escape"),
    (#""\U0041""#, "offset 3: an unknown escape"),
    (#""\u004""#, #"offset 7: a bad \u escape"#), (#""\u00g0""#, #"offset 6: a bad \u escape"#),
    (#""\u+041""#, #"offset 4: a bad \u escape"#),
    (#""\ud800""#, "offset 8: the text ends early"), (#""\ud800a""#, "offset 9: half a surrogate pair"),
    (#""\ud800\n""#, "offset 9: half a surrogate pair"), (#""\ud800\u0041""#, "offset 13: half a surrogate pair"),
    (#""\ud800\ud800""#, "offset 13: half a surrogate pair"), (#""\udc00""#, "offset 7: half a surrogate pair"),
    (#""\udc00\ud800""#, "offset 7: half a surrogate pair"), ("'a'", "offset 0: an unexpected character"),
  ])
  func refusesWhatIsNoString(_ text: String, _ message: String) {
    expectRefusal(text, message)
  }

  @Test(arguments: [
    [0xFF], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
    [0xF8, 0x88, 0x80, 0x80, 0x80],
    [0x80],
  ] as [[UInt8]])
  func refusesInvalidUTF8(_ bytes: [UInt8]) {
    let text = [0x22] + bytes + [0x22]
    #expect(refusal { _ = try text.withUnsafeBytes { try JSONValue(parsing: $0) } }
      == "offset \(text.count): text that is not UTF-8, expected valid JSON; write the file again")
  }

  // MARK: Structure

  @Test func readsEveryKindAndKeepsOrder() throws {
    let read = try value(" {\"b\" : [ null , true,false ] ,\n\"a\": { } , \"\": [ ]\t}\r\n")
    #expect(read == .object([
      .init("b", .array([.null, .bool(true), .bool(false)])), .init("a", .object([])), .init("", .array([])),
    ]))
  }

  @Test(arguments: [
    ("", "offset 0: the text ends early"), ("  ", "offset 2: the text ends early"),
    ("[", "offset 1: the text ends early"),
    ("[1", "offset 2: neither comma nor closing bracket"), ("[1,", "offset 3: the text ends early"),
    ("[1,]", "offset 3: an unexpected character"), ("[,1]", "offset 1: an unexpected character"),
    ("[1 2]", "offset 3: neither comma nor closing bracket"), ("[1}", "offset 2: neither comma nor closing bracket"),
    ("{", "offset 1: no string"), ("{\"a\"", "offset 4: no colon after a key"),
    ("{\"a\":", "offset 5: the text ends early"),
    ("{\"a\":1", "offset 6: neither comma nor closing brace"), ("{\"a\":1,}", "offset 7: no string"),
    ("{a:1}", "offset 1: no string"), ("{1:1}", "offset 1: no string"), ("{\"a\" 1}", "offset 5: no colon after a key"),
    ("{\"a\":1 \"b\":2}", "offset 7: neither comma nor closing brace"), ("{}}", "offset 2: text after the JSON value"),
    ("[] []", "offset 3: text after the JSON value"), ("nul", "offset 0: an unknown word"),
    ("True", "offset 0: an unexpected character"),
    ("truefalse", "offset 4: text after the JSON value"), ("[1]//", "offset 3: text after the JSON value"),
    ("/**/1", "offset 0: an unexpected character"),
    ("\u{A0}1", "offset 0: an unexpected character"), ("\u{B}1", "offset 0: an unexpected character"),
    ("1\0", "offset 1: text after the JSON value"),
  ])
  func refusesWhatIsNoJSON(_ text: String, _ message: String) {
    expectRefusal(text, message)
  }

  /// RFC 8259 leaves it open; a reader that takes either value is a reader that another disagrees with.
  @Test func refusesDuplicateKeys() {
    expectRefusal(#"{"a":1,"b":{"a":2},"a":3}"#, #"offset 22: the key "a" stands twice"#)
    expectRefusal(#"{"a":1,"\u0061":3}"#, #"offset 15: the key "a" stands twice"#)
    expectRefusal("{\"é\":1,\"e\u{301}\":3}", "offset 13: the key \"e\u{301}\" stands twice")
  }

  @Test func goesAsDeepAsTheLimitAndNoDeeper() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    #expect(try value(nested(64)).array?.count == 1)
    expectRefusal(nested(65), "offset 64: more than 64 levels")
    expectRefusal(String(repeating: "{\"\":", count: 1_000_000), "offset 256: more than 64 levels")
  }

  @Test(.enabled(if: isOptimized, "it takes long without optimisation"))
  func holdsAsManyValuesAsTheLimitAndNoMore() throws {
    let most = Limits.maximumJSONValueCount
    var bytes = [UInt8](repeating: UInt8(ascii: "0"), count: 2 * most - 1)
    for index in stride(from: 2, to: bytes.count, by: 2) { bytes[index] = UInt8(ascii: ",") }
    bytes[0] = UInt8(ascii: "[")
    bytes[bytes.count - 1] = UInt8(ascii: "]")
    #expect(throws: Never.self) { try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } }
    bytes[bytes.count - 1] = UInt8(ascii: ",")
    bytes += Array("0]".utf8)
    #expect(refusal { _ = try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } }
      == "offset \(bytes.count - 2): more than 8388608 values, expected valid JSON; write the file again")
  }

  private static var isOptimized: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  private func expectRefusal(_ text: String, _ message: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(refusal { _ = try value(text) } == message + ", expected valid JSON; write the file again",
      sourceLocation: sourceLocation)
  }

  // MARK: Writing

  @Test(arguments: [
    (.null, "null"), (.bool(true), "true"), (.integer(.min), "-9223372036854775808"), (.number(1), "1.0"),
    (.number(0.1), "0.1"),
    (.number(-0.0), "-0.0"), (.number(1e300), "1e+300"), (.number(.leastNonzeroMagnitude), "5e-324"), (.number(.infinity), "\"inf\""),
    (.number(-.infinity), "\"-inf\""), (.number(.nan), "\"nan\""),
    (.string("a\"\\\n\r\t\u{0}\u{1F}\u{7F}é😀/"), #""a\"\\\n\r\t\u0000\u001f\u007fé😀/""#),
    (.array([]), "[]"), (.array([.integer(1), .array([])]), "[1,[]]"), (.object([]), "{}"),
    (.object([.init("b", .null), .init("a", .object([.init("", .array([.string("")]))]))]),
      #"{"b":null,"a":{"":[""]}}"#),
  ] as [(JSONValue, String)])
  func writesOneLine(_ value: JSONValue, _ text: String) {
    #expect(value.text == text)
  }

  @Test func writesForPeople() {
    let value = JSONValue.object([
      .init("shape", .array([.integer(2), .integer(3)])), .init("none", .object([])),
      .init("list", .array([.object([.init("a", .array([]))])])),
    ])
    #expect(value.indentedText == """
      {
        "shape": [2, 3],
        "none": {},
        "list": [
          {
            "a": []
          }
        ]
      }
      """)
  }

  @Test(arguments: 0..<50) func readsBackWhatItWrites(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let value = JSONValue.random(&random, depth: 0)
    #expect(try JSONValue(parsing: value.text) == value)
    #expect(try JSONValue(parsing: value.indentedText) == value)
  }
}

extension JSONValue {
  /// A value of any kind, with numbers of any bits that are finite.
  fileprivate static func random(_ random: inout SplitMix64, depth: Int) -> JSONValue {
    func text() -> String {
      let scalars = (0..<Int.random(in: 0...6, using: &random)).compactMap { _ in
        Unicode.Scalar(UInt32.random(in: 0..<(Bool.random(using: &random) ? 0x180 : 0x110000), using: &random))
      }
      return String(String.UnicodeScalarView(scalars))
    }
    switch Int.random(in: 0..<(depth > 4 ? 6 : 8), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random))
    case 3:
      let number = Double(bitPattern: .random(in: 0 ... .max, using: &random))
      return .number(number.isFinite ? number : 0.5)
    case 4: return .largeInteger("\(UInt64.random(in: (1 << 63)...(.max), using: &random))")
    case 5: return .string(text())
    case 6: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in .random(&random, depth: depth + 1) })
    default:
      return .object((0..<Int.random(in: 0...4, using: &random)).map { index in
        .init("\(index)" + text(), .random(&random, depth: depth + 1))
      })
    }
  }
}
