import RNNModel

/// A model as a page of HTML for people: what it computes, its parameters, how its reference cases compare, and what it does to
/// signals. One file that needs nothing else, made the same way each time.
///
/// Everything is bounded, and the page says what is left out: 160 steps, 400 tensors, 8 cases, 24 matrices of at most 512 rows.
public struct ReportPage: Sendable {
  private let file: ModelFile
  private let cases: [ReferenceCase]
  /// What the cases are run on, and how gradients travel there; or why that is not shown.
  private let signals: Result<(diagnosis: Diagnosis, input: String), RNNError>
  private let timing: String?

  private static let maximumTensors = 400
  private static let maximumCases = 8
  private static let maximumMatrices = 24
  private static let maximumMatrixSize = 512

  /// - Parameters:
  ///   - file: The model to show.
  ///   - cases: To be replayed; those of the file for a model as it is.
  ///   - signals: A diagnosis and what it ran on, or why there is none.
  ///   - timing: Lines of text about speed; nil for none.
  public init(
    _ file: ModelFile, cases: [ReferenceCase], signals: Result<(diagnosis: Diagnosis, input: String), RNNError>, timing: String? = nil
  ) {
    (self.file, self.cases, self.signals, self.timing) = (file, cases, signals, timing)
  }

  /// Runs the cases and reads every tensor. Throws where elements cannot be read; what else fails is told in the page.
  ///
  /// - Parameter wording: What options are called in notes.
  public func html(in wording: some Wording = SwiftWording()) throws(RNNError) -> String {
    let name = file.path.readableFileName.lastPathComponent
    var page = Page(title: "\(name) · rnn report")
    var replayed: [(ReferenceCase, Result<CaseSection, RNNError>)] = []
    for reference in cases.prefix(Self.maximumCases) {
      do throws(RNNError) { replayed.append((reference, .success(try CaseSection(reference, of: file.model)))) } catch {
        replayed.append((reference, .failure(error)))
      }
    }
    try addHead(name, replayed, wording, &page)
    addSteps(&page)
    addParameters(&page)
    addSpectra(&page)
    addCases(replayed, wording, &page)
    page.heading("How signals and gradients travel", id: "signals")
    switch signals {
    case .success(let found): SignalSection(diagnosis: found.diagnosis, input: found.input).add(to: &page)
    case .failure(let error): page.paragraph("Not shown: \(error.problem.text(in: wording)).", style: "quiet")
    }
    if let timing {
      page.heading("Speed on the machine that made this page", id: "timing")
      page.add(markup: "<pre>\(timing.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).markup }.joined(separator: "\n"))</pre>")
    }
    return page.document
  }

  private func addHead(
    _ name: String, _ replayed: [(ReferenceCase, Result<CaseSection, RNNError>)], _ wording: some Wording, _ page: inout Page
  ) throws(RNNError) {
    let model = file.model
    let steps = model.stepSummaries
    let parameters = model.tensorsInOrder.filter(\.isParameter).map(\.tensor)
    page.add(markup: "<h1>\(name.cut(to: 300).markup)</h1>")
    page.paragraph("\(file.format), \(file.byteCount.groupedDigits) bytes", style: "quiet")
    page.add(markup: "<pre>\((model.architecture.line ?? "What it computes is not known.").cut(to: 4000).markup)</pre>")

    let broken = try model.nonFiniteWeights()
    var tiles: [(value: String, label: String, tone: Page.Tone?)] = [
      (parameters.reduce(0) { $0 + $1.tensor.count }.groupedDigits, "parameters", nil),
      (parameters.reduce(0) { $0 + $1.tensor.byteCount }.groupedDigits, "bytes of parameters", nil),
    ]
    if !steps.isEmpty {
      tiles.append((steps.filter(\.shape.hasTime).reduce(0) { $0 + $1.multiplyAdds }.groupedDigits, "multiply-adds a step", nil))
    }
    if !replayed.isEmpty {
      let held = replayed.count { if case .success(let section) = $0.1 { section.holds } else { false } }
      tiles.append(("\(held) of \(replayed.count)", "reference cases hold", held == replayed.count ? .good : .poor))
    }
    if case .success(let found) = signals {
      let others = found.diagnosis.layers.map(\.verdict).filter { $0 != .stays }
      tiles.append((others.first?.text ?? "stays", "gradient through time", others.isEmpty ? .good : .fair))
    }
    if !broken.isEmpty { tiles.append((broken.count.groupedDigits, "tensors not finite", .poor)) }
    page.tiles(tiles)
    if !broken.isEmpty {
      page.paragraph("Weights that are not finite:", style: "warn")
      page.list(broken)
    }
    if !file.notes.isEmpty {
      page.paragraph("What the file does not say, and what was changed or assumed:", style: "quiet")
      page.list(file.notes.map { $0.text(in: wording) }, style: "quiet")
    }
  }

  private func addSteps(_ page: inout Page) {
    let model = file.model
    page.heading("What it computes", id: "steps")
    page.figure(file.diagram(), "the steps of the model")
    let steps = model.stepSummaries
    guard !steps.isEmpty else { return }
    let rows = steps.prefix(ForwardGraph.maximumSteps).map { step -> [Page.Cell] in
      func number(_ value: Int) -> Page.Cell { .number(value == 0 ? "" : value.groupedDigits) }
      return [
        .code(step.name.isEmpty ? "-" : step.name), .text(step.gives(batchFirst: model.architecture.batchFirst)), number(step.parameterCount),
        number(step.byteCount), number(step.multiplyAdds), .text(step.multiplyAdds == 0 ? "" : step.shape.hasTime ? "each step" : "each sequence"),
      ]
    }
    let rest = steps.count - rows.count
    page.table(
      ["step", "gives", "parameters", "bytes", "multiply-adds", "for"], numbers: [2, 3, 4], Array(rows),
      more: rest > 0 ? "… and \(rest.groupedDigits) more steps" : "")
  }

  private func addParameters(_ page: inout Page) {
    page.heading("Parameters", id: "parameters")
    let all = file.model.tensorsInOrder
    var rows: [[Page.Cell]] = []
    for (tensor, isParameter) in all.prefix(Self.maximumTensors) {
      let value = tensor.tensor
      let summary = TensorSummary(value)
      var marks: [String] = []
      if summary.nan > 0 { marks.append("\(summary.nan.groupedDigits) NaN") }
      if summary.infinite > 0 { marks.append("\(summary.infinite.groupedDigits) infinite") }
      if summary.saturated > 0 { marks.append("\(summary.saturated.groupedDigits) at the type's end") }
      if value.count > 1, summary.zeros == value.count { marks.append("all zero") }
      if !isParameter { marks.append("carried along") }
      let isBad = !summary.isFinite || summary.saturated > 0
      rows.append([
        .code(tensor.name), .text("\(value.shape)"), .text(value.elementType.rawValue), .number(value.byteCount.groupedDigits),
        .number(summary.bins.isEmpty ? "" : summary.least.short), .picture(summary.histogram, "histogram"),
        .text(summary.bins.isEmpty ? "" : summary.largest.short), .number(summary.bins.isEmpty ? "" : summary.deviation.short),
        marks.isEmpty ? .text("") : isBad ? .badge(marks.joined(separator: ", "), .poor) : .text(marks.joined(separator: ", ")),
      ])
    }
    let rest = all.dropFirst(Self.maximumTensors)
    let bytes = rest.reduce(0) { $0 + $1.tensor.tensor.byteCount }
    page.table(
      ["tensor", "shape", "type", "bytes", "least", "", "largest", "deviation", ""], numbers: [3, 4, 7], rows,
      more: rest.isEmpty ? "" : "… and \(rest.count.groupedDigits) more tensors, \(bytes.groupedDigits) bytes")
  }

  private func addSpectra(_ page: inout Page) {
    let modules = file.model.architecture.usedModules.compactMap { if case .recurrent(let module) = $0 { module } else { nil } }
    guard !modules.isEmpty else { return }
    page.heading("Eigenvalues of W_hh", id: "spectra")
    page.paragraph(
      "Each recurrent matrix by itself, block by block, against the unit circle: outside it, in orange, a direction of the state is made larger at each step, before the functions that bound it.",
      style: "quiet")
    var figures: [(drawing: Drawing, title: String, caption: String)] = []
    var (left, large) = (0, 0)
    for module in modules {
      for layer in 0..<module.numLayers {
        for direction in 0..<module.directionCount {
          let name = "\(module.name.isEmpty ? "" : module.name + " ")layer \(layer)\(direction == 1 ? " reverse" : "")"
          guard module.hiddenSize <= Self.maximumMatrixSize else {
            large += module.cell.gateCount
            continue
          }
          guard figures.count + module.cell.gateCount <= Self.maximumMatrices else {
            left += module.cell.gateCount
            continue
          }
          for block in Diagnosis.hiddenBlocks(file.model, module, layer, direction) {
            guard let values = block.matrix.eigenvalues else {
              figures.append((Drawing(width: 160, height: 24), "no eigenvalues", "\(name), \(block.name): not finite, no eigenvalues"))
              continue
            }
            let plot = SpectrumPlot(values)
            figures.append((plot.drawing, "eigenvalues", "\(name), \(block.name): \(plot.caption)"))
          }
        }
      }
    }
    page.add(markup: "<div class=\"spectra\">")
    page.figures(figures)
    page.add(markup: "</div>")
    if large > 0 { page.paragraph("\(large.groupedDigits) matrices of more than \(Self.maximumMatrixSize) rows are left out.", style: "quiet") }
    if left > 0 { page.paragraph("… and \(left.groupedDigits) more matrices", style: "quiet") }
  }

  private func addCases(
    _ replayed: [(ReferenceCase, Result<CaseSection, RNNError>)], _ wording: some Wording, _ page: inout Page
  ) {
    page.heading("Reference cases", id: "cases")
    guard !replayed.isEmpty else {
      page.paragraph("There are none: what the model's framework gave for an input cannot be compared.", style: "quiet")
      return
    }
    page.paragraph("What the model gives now against what its framework gave.", style: "quiet")
    page.add(markup: CaseSection.legend)
    for (reference, result) in replayed {
      switch result {
      case .success(let section): section.add(to: &page)
      case .failure(let error):
        page.subheading("Case \(reference.name)")
        page.paragraph("It cannot be replayed: \(error.problem.text(in: wording)).", style: "warn")
      }
    }
    let rest = cases.count - replayed.count
    if rest > 0 { page.paragraph("… and \(rest.groupedDigits) more cases", style: "quiet") }
  }
}
