import RNNKit

/// Curves in a terminal, drawn with Braille characters: two points across and four down to a character.
enum Plot {
  /// The lines of a plot of `values`, left to right, with the range at the left edge. Empty for no finite value.
  ///
  /// - Parameters:
  ///   - width: characters across, nil for those that the terminal has room for; more values than points across are drawn as their range, few are drawn wider apart.
  ///   - range: the values at the bottom and top; nil fits them.
  static func lines(_ values: [Double], width: Int? = nil, height: Int = 6, range: ClosedRange<Double>? = nil) -> [String] {
    let width = width ?? Self.width
    let values = stretched(values, across: width * 2)
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return [] }
    let bounds = range ?? low...high
    let (columns, rows) = (min(width * 2, max(values.count, 2)), height * 4)
    let span = bounds.upperBound > bounds.lowerBound ? bounds.upperBound - bounds.lowerBound : 1
    func row(_ value: Double) -> Int {
      let share = ((value - bounds.lowerBound) / span).clamped(to: 0...1)
      return rows - 1 - Int((share * Double(rows - 1)).rounded())
    }
    var cells = [[UInt32]](repeating: [UInt32](repeating: 0, count: (columns + 1) / 2), count: height)
    func mark(_ column: Int, _ row: Int) {
      // Dots are numbered down the left column 1, 2, 3, 7 and down the right 4, 5, 6, 8.
      let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
      cells[row / 4][column / 2] |= bits[row % 4][column % 2]
    }
    var last: Int?
    for column in 0..<columns {
      let start = column * values.count / columns
      let end = max(start + 1, (column + 1) * values.count / columns)
      let group = values[start..<min(end, values.count)].filter(\.isFinite)
      guard let groupLow = group.min(), let groupHigh = group.max() else {
        last = nil
        continue
      }
      var (top, bottom) = (row(groupHigh), row(groupLow))
      // Joined to the column before, so that a steep curve stays one.
      if let last {
        if last < top { top = last + 1 }
        if last > bottom { bottom = last - 1 }
      }
      for row in min(top, bottom)...max(top, bottom) { mark(column, row) }
      last = row(group[group.endIndex - 1])
    }
    let labels = [bounds.upperBound.short, bounds.lowerBound.short]
    let margin = max(labels[0].count, labels[1].count)
    return cells.enumerated().map { index, cells in
      let label = index == 0 ? labels[0] : index == height - 1 ? labels[1] : ""
      var line = String(repeating: " ", count: margin - label.count) + label + " │"
      for cell in cells { line.unicodeScalars.append(Self.character(cell)) }
      return line
    }
  }

  /// Characters across that a terminal has room for beside the range at the edge; 76 where it is none.
  static var width: Int { Terminal.width().map { max($0 - 12, 10) } ?? 76 }

  /// A character for the points set in it: Braille, or in ASCII where its upper or its lower half has some.
  private static func character(_ cell: UInt32) -> Unicode.Scalar {
    guard Terminal.isASCII else { return Unicode.Scalar(0x2800 + cell) ?? " " }
    let (upper, lower) = (cell & 0x1B != 0, cell & 0xE4 != 0)
    return upper && lower ? ":" : upper ? "'" : lower ? "." : " "
  }

  /// What a title says of the values: how many, from where to where, and what a column is of many.
  static func range(of values: [Double], width: Int? = nil) -> String {
    let finite = values.filter(\.isFinite), points = (width ?? Self.width) * 2
    guard let least = finite.min(), let most = finite.max() else { return "no finite value" }
    let range = "from \(least.short) to \(most.short)"
    return values.count > points ? "\(range), least to most of about \(grouped((values.count + points - 1) / points)) in a column" : range
  }

  /// The same curve with straight lines between values that are few for the points across.
  private static func stretched(_ values: [Double], across points: Int) -> [Double] {
    let gap = min(8, points / max(values.count, 1))
    guard values.count > 1, gap > 1 else { return values }
    return (0...(values.count - 1) * gap).map { point in
      let (index, rest) = (point / gap, point % gap)
      if rest == 0 { return values[index] }
      let share = Double(rest) / Double(gap)
      return values[index] * (1 - share) + values[index + 1] * share
    }
  }
}

extension Double {
  func clamped(to range: ClosedRange<Double>) -> Double {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
