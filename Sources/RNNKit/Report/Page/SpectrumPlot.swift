/// Eigenvalues in the complex plane, against the unit circle: outside it a state grows from step to step, inside it fades, as far
/// as the functions behind it let it.
struct SpectrumPlot {
  private let values: [(real: Double, imaginary: Double)]

  private static let size = 160.0

  init(_ values: [(real: Double, imaginary: Double)]) { self.values = values }

  private var radius: Double { values.reduce(0) { max($0, ($1.real * $1.real + $1.imaginary * $1.imaginary).squareRoot()) } }

  var drawing: Drawing {
    let size = Self.size, middle = size / 2
    var drawing = Drawing(width: size, height: size)
    let scale = (middle - 6) / max(radius * 1.04, 1.08)
    drawing.line(4, middle, size - 4, middle, "grid")
    drawing.line(middle, 4, middle, size - 4, "grid")
    drawing.circle(middle, middle, radius: scale, "axis")
    for isOutside in [false, true] {
      var data = ""
      for value in values where (value.real * value.real + value.imaginary * value.imaginary > 1) == isOutside {
        data += "M\(Drawing.point(middle + value.real * scale, middle - value.imaginary * scale))h0"
      }
      drawing.path(data, isOutside ? "dots second" : "dots first")
    }
    return drawing
  }

  /// `largest 0.98, 0 of 16 outside`
  var caption: String {
    let outside = values.count { $0.real * $0.real + $0.imaginary * $0.imaginary > 1 }
    return "largest \(radius.short); \(outside.groupedDigits) of \(values.count.groupedDigits) outside the unit circle"
  }
}
