import RNNModel

/// Two models side by side as a page of HTML: what each computes, and how far their tensors are from each other.
///
/// Made the same way each time, and bounded as `ReportPage` is.
public struct ComparisonPage: Sendable {
  private let first: ModelFile
  private let second: ModelFile

  private static let maximumTensors = 400

  public init(_ first: ModelFile, _ second: ModelFile) { (self.first, self.second) = (first, second) }

  /// Throws where elements cannot be read.
  public func html() throws(RNNError) -> String {
    let names = [first, second].map { $0.path.readableFileName.lastPathComponent }
    var page = Page(title: "\(names[0]) and \(names[1]) · rnn report")
    let differences = Difference.between(first.model, second.model)
    let distances = differences.map(UlpHistogram.init)
    page.add(markup: "<h1>\(names[0].cut(to: 200).markup) <span class=\"quiet\">and</span> \(names[1].cut(to: 200).markup)</h1>")
    page.paragraph("A: \(first.format), \(first.byteCount.groupedDigits) bytes. B: \(second.format), \(second.byteCount.groupedDigits) bytes.", style: "quiet")
    addTiles(differences, distances, &page)
    addArchitectures(&page)
    addTensors(differences, distances, &page)
    return page.document
  }

  private func addTiles(_ differences: [Difference], _ distances: [UlpHistogram?], _ page: inout Page) {
    let identical = differences.count { $0.verdict == .identical }
    let same = first.model.architecture == second.model.architecture
    let largest = differences.map(\.largestDifference).max() ?? 0
    let bytes = [first, second].map { $0.model.archive.tensors.reduce(0) { $0 + $1.tensor.byteCount } }
    page.tiles([
      ("\(identical.groupedDigits) of \(differences.count.groupedDigits)", "tensors identical bit for bit", identical == differences.count ? .good : .fair),
      (same ? "the same" : "different", "architectures", same ? .good : .poor),
      (largest.short, "largest difference", nil),
      ("\(distances.compactMap { $0?.largest }.max()?.short ?? "0")", "most units in the last place", nil),
      ("\(bytes[0].groupedDigits) → \(bytes[1].groupedDigits)", "bytes of tensors", nil),
    ])
  }

  private func addArchitectures(_ page: inout Page) {
    page.heading("What they compute", id: "steps")
    let (mine, theirs) = (first.model.architecture, second.model.architecture)
    let (gone, added) = (mine.lines(notIn: theirs), theirs.lines(notIn: mine))
    if gone.isEmpty && added.isEmpty {
      page.paragraph("The same steps.", style: "quiet")
      page.add(markup: "<pre>\((mine.line ?? "What they compute is not known.").cut(to: 4000).markup)</pre>")
    } else {
      let limit = 200
      let lines = gone.prefix(limit).map { "<span class=\"gone\">− \($0.cut(to: 500).markup)</span>" }
        + added.prefix(limit).map { "<span class=\"added\">+ \($0.cut(to: 500).markup)</span>" }
      page.add(markup: "<pre>\(lines.joined(separator: "\n"))</pre>")
      let rest = max(gone.count - limit, 0) + max(added.count - limit, 0)
      if rest > 0 { page.paragraph("… and \(rest.groupedDigits) more lines", style: "quiet") }
    }
    page.figures([
      (ForwardGraph(first).marked(against: second), "the steps of A", "A, \(first.path.readableFileName.lastPathComponent.cut(to: 100))"),
      (ForwardGraph(second).marked(against: first), "the steps of B", "B, \(second.path.readableFileName.lastPathComponent.cut(to: 100))"),
    ])
  }

  private func addTensors(_ differences: [Difference], _ distances: [UlpHistogram?], _ page: inout Page) {
    page.heading("Tensors", id: "tensors")
    page.paragraph(
      "Differences in units in the last place of the narrower of both types, where a rounded number is at most half a unit off. Coloured by the largest.",
      style: "quiet")
    let all = distances.compactMap { $0 }
    if !all.isEmpty {
      page.figure(UlpHistogram.sum(all).drawing, "differences of all elements", caption: "All elements of tensors that both have in one shape.")
    }
    var rows: [[Page.Cell]] = []
    for (difference, distance) in zip(differences, distances).prefix(Self.maximumTensors) {
      let types = [difference.first, difference.second].map { $0.map { "\($0.elementType.rawValue) \($0.shape)" } ?? "-" }
      let tone: Page.Tone =
        switch difference.verdict {
        case .identical: .good
        case .values, .dtype: .fair
        default: .poor
        }
      let isCompared = distance != nil && difference.verdict != .identical
      rows.append([
        .code(difference.name), .badge(difference.verdict.rawValue, tone), .text(types[0]), .text(types[1] == types[0] ? "the same" : types[1]),
        .tinted(isCompared ? difference.largestDifference.short : "", distance?.tint ?? 0),
        .tinted(isCompared ? distance?.largest.short ?? "" : "", distance?.tint ?? 0),
        .number(isCompared ? "\(difference.differingCount.groupedDigits) of \((difference.first?.count ?? 0).groupedDigits)" : ""),
        isCompared ? .picture(distance?.small ?? Drawing(width: 1, height: 1), "histogram of units in the last place") : .text(""),
      ])
    }
    let rest = differences.count - rows.count
    page.table(
      ["tensor", "", "A", "B", "largest difference", "ulps", "elements", "0 … many"], numbers: [4, 5, 6], rows,
      more: rest > 0 ? "… and \(rest.groupedDigits) more tensors" : "")
  }
}

/// How many elements of two tensors are so many units in the last place apart.
private struct UlpHistogram {
  private(set) var counts: [Int]
  private(set) var largest = 0.0

  private static let bounds = [0, 0.5, 1, 2, 4, 16, 256, 65536, Double.infinity]
  private static let words = ["0", "to ½", "to 1", "to 2", "to 4", "to 16", "to 256", "to 65,536", "more"]

  /// Nil where there is nothing to compare, or no numbers.
  init?(_ difference: Difference) {
    guard let first = difference.first, let second = difference.second, first.shape == second.shape, first.elementType.isWeight,
      second.elementType.isWeight, first.count > 0
    else { return nil }
    let types = [first.elementType, second.elementType]
    let type = types[0].unit >= types[1].unit ? types[0] : types[1]
    counts = [Int](repeating: 0, count: Self.bounds.count)
    guard difference.verdict != .identical else {
      counts[0] = first.count
      return
    }
    let others = second.doubles
    var (counts, largest) = (self.counts, 0.0)
    first.forEachDouble { index, value in
      let other = others[index]
      let ulps: Double
      if value == other || value.isNaN && other.isNaN {
        ulps = 0
      } else {
        let magnitude = max(abs(value), abs(other))
        // A unit in the last place of a number is twice its type's relative error, by the number's power of two.
        let unit = max(Double(sign: .plus, exponent: magnitude.isFinite && magnitude > 0 ? magnitude.exponent : 0, significand: 1) * 2 * type.unit, type.leastMagnitude)
        let distance = distance(value, other) / unit
        ulps = distance.isNaN ? .infinity : distance
      }
      largest = max(largest, ulps)
      counts[Self.bounds.firstIndex { ulps <= $0 } ?? Self.bounds.count - 1] += 1
    }
    (self.counts, self.largest) = (counts, largest)
  }

  private init(counts: [Int], largest: Double) { (self.counts, self.largest) = (counts, largest) }

  static func sum(_ all: [UlpHistogram]) -> UlpHistogram {
    var counts = [Int](repeating: 0, count: bounds.count)
    for one in all { for (index, count) in one.counts.enumerated() { counts[index] += count } }
    return UlpHistogram(counts: counts, largest: all.map(\.largest).max() ?? 0)
  }

  /// How strongly a table is coloured.
  var tint: Int { largest == 0 ? 0 : largest <= 0.5 ? 1 : largest <= 4 ? 2 : largest <= 256 ? 3 : 4 }

  /// Bars whose height is the share's root, so that few are seen beside many.
  private var heights: [Double] {
    let all = Double(max(counts.reduce(0, +), 1))
    return counts.map { (Double($0) / all).squareRoot() }
  }

  var small: Drawing {
    TensorSummary.histogram(heights.map { Int(($0 * 1000).rounded()) }, zero: nil, barWidth: 8, height: 24)
  }

  var drawing: Drawing {
    let (column, height) = (74.0, 110.0)
    var drawing = Drawing(width: column * Double(counts.count) + 12, height: height + 52)
    for (index, share) in heights.enumerated() {
      let x = 6 + column * Double(index), bar = counts[index] == 0 ? 0 : max(2, share * (height - 20))
      if bar > 0 { drawing.rectangle(x + 8, height - bar, column - 16, bar, index < 2 ? "bars" : "heat\(min(index + 1, 7))") }
      drawing.text(counts[index] == 0 ? "" : counts[index].groupedDigits, x + column / 2, height - bar - 5, size: 11, anchor: .middle, within: column - 4)
      drawing.text(Self.words[index], x + column / 2, height + 16, size: 11, "muted", anchor: .middle, within: column - 4)
    }
    drawing.line(6, height, drawing.width - 6, height, "axis")
    drawing.text("units in the last place; heights by the root of the share", 6, height + 40, size: 11, "muted", within: drawing.width - 12)
    return drawing
  }
}

extension ForwardGraph {
  /// The picture of the steps, with those that the other model has not marked.
  func marked(against other: ModelFile) -> Drawing {
    let theirs = ForwardGraph(other)
    func key(_ box: Box) -> String { ([box.title] + box.details + [box.shape]).joined(separator: "\n") }
    var known: [String: Int] = [:]
    for box in theirs.boxes { known[key(box), default: 0] += 1 }
    var marks = Set<Int>()
    for (index, box) in boxes.enumerated() {
      if let count = known[key(box)], count > 0 { known[key(box)] = count - 1 } else { marks.insert(index) }
    }
    return drawing(marking: marks)
  }
}
