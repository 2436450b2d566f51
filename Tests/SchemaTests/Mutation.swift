import RNNModel

/// Changes texts a little, in ways that JSON readers are known to differ over.
struct Mutation {
  var random: SplitMix64
  /// Words that may take each other's place.
  let words: [String]

  private static let tokens = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0061", "\\ud800", "\\udc00", "0", "-", "1", "9", ".", "e", "E+",
    "1.0", "-0", "1e0",
    "1e999", "18446744073709551616", "9223372036854775807", "null", "true", "false", "NaN", "Infinity", " ", "\t",
    "\n", "\r",
    "\u{B}", "\0", "\u{FEFF}", "\u{85}", "é", "e\u{301}", "\u{7F}", "//", "'", "\"a\"", "\"name\"", "\"x\":0,", "[],",
    "{},",
    "{\"a\":1,\"a\":2}", "64", "1024",
  ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]

  mutating func apply(to text: inout [UInt8]) {
    let place = Int.random(in: 0..<text.count, using: &random)
    let end = min(place + Int.random(in: 0...12, using: &random), text.count)
    switch Int.random(in: 0..<7, using: &random) {
    case 0: text.removeSubrange(place..<end)
    case 1: text.insert(contentsOf: token(), at: place)
    case 2: text.replaceSubrange(place..<end, with: token())
    case 3: text[place] = .random(in: 0...255, using: &random)
    case 4: text.insert(contentsOf: Array(text[place..<end]), at: Int.random(in: 0..<text.count, using: &random))
    case 5:
      // A digit, which leaves the JSON as it is.
      let digits = text.indices.filter { (0x30...0x39).contains(text[$0]) }
      if let index = digits.randomElement(using: &random) { text[index] = .random(in: 0x30...0x39, using: &random) }
    default:
      let (old, new) = (Array(word().utf8), Array(word().utf8))
      if let range = text.ranges(of: old).randomElement(using: &random) { text.replaceSubrange(range, with: new) }
    }
    if text.isEmpty { text = [0x20] }
  }

  private mutating func token() -> [UInt8] { Self.tokens.randomElement(using: &random) ?? [] }
  private mutating func word() -> String { words.randomElement(using: &random) ?? "" }
}
