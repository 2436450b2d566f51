/// The word that somebody meant who wrote another.
enum Nearest {
  /// The nearest of the words, nil where none is near: one that begins so, or can be had by few insertions, deletions,
  /// replacements and swaps of neighbours. Of several as near the first.
  static func word(to written: String, of words: [String]) -> String? {
    let text = Array(written.lowercased().unicodeScalars.prefix(64))
    guard text.count > 1 else { return nil }
    let distances = words.map { ($0, distance(text, Array($0.lowercased().unicodeScalars))) }
    if let (word, distance) = distances.min(by: { $0.1 < $1.1 }), distance <= max(1, min(text.count, word.unicodeScalars.count) / 3) {
      return word
    }
    let longer = words.filter { $0.lowercased().hasPrefix(written.lowercased()) }
    return longer.count == 1 ? longer[0] : nil
  }

  /// Insertions, deletions, replacements and swaps of neighbours that make one of the other, no part changed twice.
  static func distance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
    var (before, last) = ([Int](), Array(0...second.count))
    for row in first.indices {
      var current = [row + 1]
      for column in second.indices {
        let same = first[row] == second[column]
        var best = min(last[column] + (same ? 0 : 1), last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
          best = min(best, before[column - 1] + 1)
        }
        current.append(best)
      }
      (before, last) = (last, current)
    }
    return last[second.count]
  }
}
