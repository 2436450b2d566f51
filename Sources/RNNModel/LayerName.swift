/// A tensor's name taken into words: which parameter of a recurrent layer they say it is, and of which layer.
struct LayerName {
  enum Side { case input, hidden }
  enum Role: Hashable { case weight(Side?), bias(Side?) }

  /// A word of the name as it is written, and what stands before it: nothing within `gru2`.
  struct Word {
    var text: Substring
    var separator: String
    var lowercased: String
    var number: Int? { text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil }
  }

  /// Nil where the words say nothing of weights, biases and sides.
  private(set) var role: Role?
  /// Whether the side is said in a way that only recurrent layers are spoken of.
  private(set) var isPlain = false
  private(set) var isReverse = false
  /// The words that are left: the layer's own name and number.
  private(set) var stem: [Word]

  /// - Parameter rank: The tensor's axes, which tell a weight from a bias where the words do not.
  init(_ name: String, rank: Int) {
    stem = Self.words(name)
    for index in stem.indices.reversed() {
      let word = stem[index].lowercased
      guard Self.backward.contains(word) || Self.forward.contains(word) else { continue }
      isReverse = isReverse || Self.backward.contains(word)
      stem.remove(at: index)
    }
    // The last word that speaks of a side, with what stands beside it.
    for index in stem.indices.reversed() {
      if let (role, isPlain) = Self.whole[stem[index].lowercased] {
        (self.role, self.isPlain) = (role, isPlain)
        stem.remove(at: index)
        return
      }
      guard let (side, isPlain) = Self.sides[stem[index].lowercased] else { continue }
      // What follows first: in `rnn_b.input_kernel` the b is the layer's.
      let beside = [index + 1, index - 1].first { stem.indices.contains($0) && Self.kinds[stem[$0].lowercased] != nil }
      guard let beside else {
        guard index == stem.count - 1 || stem[(index + 1)...].allSatisfy({ $0.number != nil }) else { continue }
        role = rank == 1 ? .bias(side) : .weight(side)
        self.isPlain = isPlain
        stem.remove(at: index)
        return
      }
      role = Self.kinds[stem[beside].lowercased] == true ? .bias(side) : .weight(side)
      self.isPlain = isPlain
      stem.removeSubrange(min(index, beside)...max(index, beside))
      return
    }
    if let index = stem.lastIndex(where: { Self.kinds[$0.lowercased] != nil }) {
      role = Self.kinds[stem[index].lowercased] == true ? .bias(nil) : .weight(nil)
      stem.remove(at: index)
    }
  }

  /// What tells layers apart.
  static func key(_ words: some Sequence<Word>) -> String { words.map(\.lowercased).joined(separator: " ") }

  /// The words as one name again.
  static func text(_ words: some Sequence<Word>) -> String {
    words.reduce("") { $0.isEmpty ? String($1.text) : $0 + $1.separator + $1.text }
  }

  /// Words end at what is no letter or digit, between letters and digits, and before a capital after a small letter.
  private static func words(_ name: String) -> [Word] {
    var words: [Word] = []
    for chunk in name.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
      let before = chunk.startIndex > name.startIndex ? name[name.index(before: chunk.startIndex)] : "_"
      var separator = before == "." || before == "/" ? "." : "_"
      var rest = chunk[...]
      while let first = rest.first {
        var end = rest.startIndex
        if let known = ["i2h", "h2h", "x2h"].first(where: { rest.lowercased().hasPrefix($0) }) {
          end = rest.index(end, offsetBy: known.count)
        } else {
          var last = first
          repeat {
            last = rest[end]
            end = rest.index(after: end)
          } while end < rest.endIndex && rest[end].isNumber == last.isNumber && !(last.isLowercase && rest[end].isUppercase)
        }
        words.append(Word(text: rest[..<end], separator: separator, lowercased: rest[..<end].lowercased()))
        separator = ""
        rest = rest[end...]
      }
    }
    return words
  }

  private static let backward: Set<String> = ["reverse", "reversed", "rev", "bw", "bwd", "backward", "backwards"]
  private static let forward: Set<String> = ["fw", "fwd", "forward", "forwards"]
  /// Whether a word means a bias rather than a weight.
  private static let kinds: [String: Bool] = [
    "w": false, "weight": false, "weights": false, "kernel": false, "matrix": false, "b": true, "bias": true, "biases": true,
  ]
  private static let sides: [String: (Side, isPlain: Bool)] = [
    "ih": (.input, true), "xh": (.input, true), "i2h": (.input, true), "x2h": (.input, true), "input": (.input, false),
    "inp": (.input, false), "x": (.input, false), "i": (.input, false), "hh": (.hidden, true), "h2h": (.hidden, true),
    "rec": (.hidden, true), "recurrent": (.hidden, true), "hidden": (.hidden, false), "h": (.hidden, false),
  ]
  private static let whole: [String: (Role, isPlain: Bool)] = [
    "wih": (.weight(.input), true), "wxh": (.weight(.input), true), "wx": (.weight(.input), false),
    "whh": (.weight(.hidden), true), "wrec": (.weight(.hidden), true), "wh": (.weight(.hidden), false),
    "u": (.weight(.hidden), false), "bih": (.bias(.input), true), "bxh": (.bias(.input), true),
    "bx": (.bias(.input), false), "bhh": (.bias(.hidden), true), "bh": (.bias(.hidden), false),
  ]
}
