/// Curves over a common axis, each value at its place; many values are drawn as their least and largest in each pixel.
struct LinePlot {
  struct Curve {
    var name: String
    var values: [Double]
    /// One of the palette's strokes.
    var style: String
  }

  var curves: [Curve]
  var width = 520.0
  var height = 150.0
  /// The values at bottom and top; nil fits them.
  var range: ClosedRange<Double>?
  var firstLabel = ""
  var lastLabel = ""
  /// What the numbers of the vertical axis are printed as.
  var number: (Double) -> String = { $0.short }
  var hasLegend = true

  private static let left = 62.0
  private static let legendHeight = 20.0

  var drawing: Drawing {
    let legend = hasLegend ? Self.legendHeight : 0
    let finite = curves.flatMap(\.values).filter(\.isFinite)
    var low = range?.lowerBound ?? finite.min() ?? 0, high = range?.upperBound ?? finite.max() ?? 1
    if low == high { (low, high) = (low - max(abs(low) * 0.1, 1e-300), high + max(abs(high) * 0.1, 1e-300)) }
    let labels = firstLabel.isEmpty && lastLabel.isEmpty ? 0.0 : 18
    var drawing = Drawing(width: width, height: height + legend + labels + 8)
    let (top, bottom) = (legend + 6, legend + height)
    let (x0, x1) = (Self.left, width - 8)
    func y(_ value: Double) -> Double {
      // Halves, as the difference of two large numbers may not be finite.
      let share = (value / 2 - low / 2) / (high / 2 - low / 2)
      return bottom - min(max(share, 0), 1) * (bottom - top)
    }
    for tick in Self.ticks(low, high) {
      drawing.line(x0, y(tick), x1, y(tick), "grid")
      drawing.text(number(tick), x0 - 6, y(tick) + 4, size: 11, "muted", anchor: .end, within: Self.left - 8)
    }
    drawing.line(x0, bottom, x1, bottom, "axis")
    if low < 0, high > 0 { drawing.line(x0, y(0), x1, y(0), "axis") }
    if labels > 0 {
      drawing.text(firstLabel, x0, bottom + 15, size: 11, "muted", within: (x1 - x0) / 2 - 6)
      drawing.text(lastLabel, x1, bottom + 15, size: 11, "muted", anchor: .end, within: (x1 - x0) / 2 - 6)
    }
    for curve in curves { drawing.path(path(curve.values, x0, x1, y), curve.style, title: hasLegend ? curve.name : nil) }
    var x = x0
    for curve in curves where hasLegend {
      let needed = TextWidth.of(curve.name.drawable, size: 11)
      let room = min(needed, width - x - 26)
      guard room >= min(needed, 40) else { break }
      drawing.line(x, 9, x + 16, 9, curve.style)
      drawing.text(curve.name, x + 21, 13, size: 11, "muted", within: room)
      x += 21 + room + 16
    }
    return drawing
  }

  /// Round numbers in a range, three to seven of them; both ends where there are none.
  static func ticks(_ low: Double, _ high: Double) -> [Double] {
    let span = high - low
    guard span.isFinite, span > 1e-290 else { return [low, high] }
    var unit = pow10(Int((logarithm(span) / logarithm(10)).rounded(.down)) - 1)
    // 1, 2, 5, 10, 20 or 50 times the power of ten below.
    for factor in [2, 2.5, 2, 2, 2.5, 2] where span / unit > 6 { unit *= factor }
    let (first, last) = ((low / unit).rounded(.up), (high / unit).rounded(.down))
    guard last >= first, last - first < 20, unit > 0 else { return [low, high] }
    return stride(from: first, through: last, by: 1).map { $0 * unit }
  }

  private static func pow10(_ power: Int) -> Double { Double("1e\(power)") ?? 1 }

  private func path(_ values: [Double], _ x0: Double, _ x1: Double, _ y: (Double) -> Double) -> String {
    var data = ""
    var isDown = false
    let columns = Int(x1 - x0)
    func add(_ x: Double, _ value: Double) {
      guard value.isFinite else {
        isDown = false
        return
      }
      data += (isDown ? "L" : "M") + Drawing.point(x, y(value))
      isDown = true
    }
    if values.count == 1, values[0].isFinite { return "M\(Drawing.point(x0, y(values[0])))L\(Drawing.point(x1, y(values[0])))" }
    guard values.count > 2 * columns else {
      for (index, value) in values.enumerated() { add(x0 + (x1 - x0) * Double(index) / Double(max(values.count - 1, 1)), value) }
      return data
    }
    for column in 0..<columns {
      let group = values[column * values.count / columns..<(column + 1) * values.count / columns]
      let finite = group.filter(\.isFinite)
      guard let low = finite.min(), let high = finite.max() else {
        isDown = false
        continue
      }
      let x = x0 + Double(column) + 0.5
      add(x, group.first == high ? high : low)
      if low < high { add(x, group.first == high ? low : high) }
    }
    return data
  }
}
