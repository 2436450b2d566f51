import RNNModel

/// What signals do on their way through the recurrent layers.
struct SignalSection {
  let diagnosis: Diagnosis
  /// What it ran on.
  let input: String

  private static let maximumLayers = 12
  private static let styles = ["first", "second", "third", "fourth"]

  private static func name(_ layer: Diagnosis.Layer) -> String {
    "\(layer.module.isEmpty ? "" : layer.module + " ")layer \(layer.layer)\(layer.isReverse ? " reverse" : "")"
  }

  func add(to page: inout Page) {
    page.paragraph("On \(input), \(diagnosis.stepCount.groupedDigits) steps, the first sequence of a batch, in float64.", style: "quiet")
    let layers = diagnosis.layers.prefix(Self.maximumLayers)
    var rows: [[Page.Cell]] = []
    for layer in layers {
      let tone: Page.Tone = layer.verdict == .stays ? .good : .fair
      rows.append([.code(Self.name(layer)), .badge(layer.verdict.text, tone), .number(layer.gradient.last?.short ?? ""), .number(layer.cellGradient.last?.short ?? "")])
    }
    page.table(["layer", "the gradient", "of the first h", "of the first c"], numbers: [2, 3], rows)
    for travel in diagnosis.travels.prefix(4) { add(travel, to: &page) }
    for layer in layers {
      var curves = [LinePlot.Curve(name: "of h", values: layer.gradient.map(Self.logarithmic), style: "first")]
      if !layer.cellGradient.isEmpty { curves.append(LinePlot.Curve(name: "of c", values: layer.cellGradient.map(Self.logarithmic), style: "second")) }
      page.subheading(Self.name(layer))
      var figures: [(drawing: Drawing, title: String, caption: String)] = []
      if layer.gradient.count > 1 {
        let plot = LinePlot(
          curves: curves, width: 460, height: 130, firstLabel: "the last step", lastLabel: "\((layer.gradient.count - 1).groupedDigits) steps back",
          number: { $0 == $0.rounded() ? "1e\(Int($0))" : "" })
        figures.append((plot.drawing, "gradient by steps back", "How much of a change of the state so many steps back reaches the last state: ‖dh_T/dh_t‖, a step at a time."))
      }
      let gates = layer.saturation.filter { !$0.shares.isEmpty }
      if !gates.isEmpty {
        let plot = LinePlot(
          curves: zip(gates, Self.styles).map { LinePlot.Curve(name: $0.name, values: $0.shares.map { $0 * 100 }, style: $1) }, width: 460, height: 130,
          range: 0...100, firstLabel: "step 0", lastLabel: "\((gates[0].shares.count - 1).groupedDigits)", number: { "\(Int($0.rounded())) %" })
        figures.append((plot.drawing, "saturation by step", "Units within a hundredth of either end of their range, at each step."))
      }
      page.figures(figures, style: "pair")
    }
    let rest = diagnosis.layers.count - layers.count
    if rest > 0 { page.paragraph("… and \(rest.groupedDigits) more layers and directions", style: "quiet") }
  }

  /// Shades by powers of ten below the largest, the last layer on top.
  private func add(_ travel: Diagnosis.Travel, to page: inout Page) {
    let rows = travel.rows.reversed().prefix(HeatMap.maximumRows)
    let largest = travel.rows.flatMap(\.norms).filter(\.isFinite).max() ?? 0
    guard let first = rows.first, let last = rows.last, largest > 0, first.norms.count > 1 else { return }
    var map = HeatMap(columns: first.norms.count, rows: rows.count)
    for (index, row) in rows.enumerated() {
      for (step, norm) in row.norms.enumerated() where norm > 0 {
        let decades = norm.isFinite ? (logarithm(norm / largest) / logarithm(10)).rounded(.up) : 0
        map.mark(step, index, 7 + max(Int(max(decades, -7)), -7))
      }
    }
    func name(_ row: Diagnosis.Travel.Row) -> String { "layer \(row.layer)\(row.isReverse ? " ←" : "")" }
    let drawing = map.drawing(
      column: ("step 0", "\((first.norms.count - 1).groupedDigits)"), row: (name(first), rows.count > 1 ? name(last) : ""), ring: nil)
    page.figure(
      drawing, "gradient by layer and step",
      caption: "\(travel.module.isEmpty ? "" : travel.module + ": ")how a gradient of the last layer's output at the last step reaches each layer's state at each step, ‖dS/dh_t‖. The darkest red is the largest, and each shade below it a power of ten less; the palest is less than a millionth."
        + (rows.count < travel.rows.count ? " The lowest layers are left out." : ""))
  }

  /// Ten's powers, from 1e-16 to 1e+16; what is beyond is drawn there, and nothing for zero.
  private static func logarithmic(_ value: Double) -> Double {
    value > 0 ? logarithm(min(max(value, 1e-16), 1e16)) / logarithm(10) : .nan
  }
}
