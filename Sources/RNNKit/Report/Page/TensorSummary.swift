import RNNModel

/// What a tensor's numbers are like, for a line of a table.
struct TensorSummary {
  private(set) var nan = 0
  private(set) var infinite = 0
  /// Elements at the largest finite number of their type, which rounding to a narrower type can leave.
  private(set) var saturated = 0
  private(set) var zeros = 0
  private(set) var least = Double.infinity
  private(set) var largest = -Double.infinity
  private(set) var deviation = 0.0
  private(set) var bins: [Int] = []

  static let binCount = 32

  /// Reads the tensor three times. Tells nothing of complex and float8 tensors.
  init(_ tensor: Tensor) {
    let limit = tensor.elementType.isWeight ? tensor.elementType.largestMagnitude : .infinity
    var (nan, infinite, saturated, zeros, least, largest) = (0, 0, 0, 0, Double.infinity, -Double.infinity)
    var (sum, count) = (0.0, 0)
    tensor.forEachDouble { _, value in
      guard value.isFinite else {
        if value.isNaN { nan += 1 } else { infinite += 1 }
        return
      }
      if abs(value) == limit { saturated += 1 }
      if value == 0 { zeros += 1 }
      least = min(least, value)
      largest = max(largest, value)
      sum += value
      count += 1
    }
    (self.nan, self.infinite, self.saturated, self.zeros, self.least, self.largest) = (nan, infinite, saturated, zeros, least, largest)
    guard count > 0 else { return }
    let mean = sum / Double(count)
    var bins = [Int](repeating: 0, count: Self.binCount)
    var squares = 0.0
    // Halves, as the difference of two large numbers may not be finite.
    let span = largest / 2 - least / 2
    tensor.forEachDouble { _, value in
      guard value.isFinite else { return }
      squares += (value - mean) * (value - mean)
      let share = span > 0 ? (value / 2 - least / 2) / span : 0.5
      bins[min(Int(share * Double(Self.binCount)), Self.binCount - 1)] += 1
    }
    deviation = (squares / Double(count)).squareRoot()
    self.bins = bins
  }

  var isFinite: Bool { nan + infinite == 0 }

  /// Small bars; the place of zero marked where it lies between.
  var histogram: Drawing { Self.histogram(bins, zero: least < 0 && largest > 0 ? -least / 2 / (largest / 2 - least / 2) : nil) }

  static func histogram(_ bins: [Int], zero: Double?, barWidth: Double = 3, height: Double = 26) -> Drawing {
    let width = Double(max(bins.count, 1)) * barWidth
    var drawing = Drawing(width: width, height: height)
    drawing.line(0, height - 0.5, width, height - 0.5, "axis")
    let most = Double(bins.max() ?? 0)
    guard most > 0 else { return drawing }
    var data = ""
    for (index, count) in bins.enumerated() where count > 0 {
      // What is there is seen.
      let bar = max(1, Double(count) / most * (height - 4))
      data += "M\(Drawing.point(Double(index) * barWidth, height - 1))v-\(Drawing.number(bar))h\(Drawing.number(barWidth - 0.4))v\(Drawing.number(bar))z"
    }
    drawing.path(data, "bars")
    if let zero { drawing.line(zero * width, 2, zero * width, height - 1, "mark") }
    return drawing
  }
}
