import RNNModel
import RNNRunner

/// A reference case replayed, in pictures: for each member where the result is off and by how much, and both numbers over each
/// other.
struct CaseSection {
  private let reference: ReferenceCase
  private let verification: Verification
  private let results: [NamedTensor]

  private static let maximumMembers = 8

  init(_ reference: ReferenceCase, of model: Model) throws(RNNError) {
    self.reference = reference
    verification = try Verification(reference, of: model)
    let run = try CaseRun(reference, of: model)
    results = try run.results(precision: run.isFloat64 ? .float64 : .float32)
  }

  var holds: Bool { verification.holds }
  var comparisons: [Comparison] { verification.comparisons }

  func add(to page: inout Page) {
    page.subheading("Case \(reference.name)")
    let given = reference.members.filter { member in !comparisons.contains { $0.member == member.name } }
    let list = given.prefix(12).map { "\($0.name) \($0.tensor.shape)" }.joined(separator: ", ")
    page.paragraph("Given: " + list + (given.count > 12 ? " and \((given.count - 12).groupedDigits) more" : ""), style: "quiet")
    page.table(
      ["member", "shape", "verdict", "largest error", "ulps", "at", "allowed", "beyond it"], numbers: [3, 4, 6, 7],
      comparisons.map { comparison in
        [
          .code(comparison.member), .text("\(comparison.reference.shape)"),
          .badge(comparison.verdict.rawValue, comparison.verdict == .match ? .good : comparison.verdict == .mismatch ? .poor : .fair),
          .number(comparison.largestError.short), .number(comparison.largestUlps.short),
          .text(comparison.largestError == 0 ? "" : comparison.describe(comparison.position)),
          .number("\(comparison.tolerance.absolute.short) + \(comparison.tolerance.relative.short)·|reference|"),
          .number(comparison.beyondTolerance == 0 ? "" : comparison.beyondTolerance.groupedDigits),
        ]
      })
    if verification.lastStateIsLastOutput == false {
      page.paragraph("The reference's hn[last] is not its output[last]: these are not the outputs of a recurrent network.", style: "warn")
    }
    if let divergence = verification.divergence { page.paragraph("It diverges \(divergence).", style: "warn") }
    for comparison in comparisons.prefix(Self.maximumMembers) {
      guard let result = results.first(where: { $0.name == comparison.member })?.tensor, let pictures = MemberPictures(comparison, result) else { continue }
      page.add(markup: "<h4><code>\(comparison.member.cut(to: 200).markup)</code></h4>")
      page.figures([
        (pictures.errors, "errors of \(comparison.member)", pictures.errorCaption),
        (pictures.curves, "reference and result of \(comparison.member)", pictures.curveCaption),
      ], style: "pair")
    }
    let rest = comparisons.count - Self.maximumMembers
    if rest > 0 { page.paragraph("… and \(rest.groupedDigits) more members", style: "quiet") }
  }
}

/// The two pictures of a member that was compared.
private struct MemberPictures {
  let errors: Drawing
  let errorCaption: String
  let curves: Drawing
  let curveCaption: String

  /// Nil for a member without numbers.
  init?(_ comparison: Comparison, _ result: Tensor) {
    let shape = comparison.reference.shape
    guard comparison.reference.count > 0, shape == result.shape else { return nil }
    let sizes = shape.dimensions
    let names = comparison.axes
    // Time runs to the right where there is any, units else; what is left is taken together.
    let last = sizes.count - 1
    let time = names.firstIndex(of: "step").flatMap { $0 < sizes.count ? $0 : nil }
    let column = time ?? last
    let row = time != nil && time != last ? last : names.firstIndex(of: "layer").flatMap { $0 != column && $0 < sizes.count ? $0 : nil }
    func size(_ axis: Int?) -> Int { axis.map { $0 >= 0 ? sizes[$0] : 1 } ?? 1 }
    func stride(_ axis: Int?) -> Int { axis.map { $0 >= 0 ? sizes[($0 + 1)...].reduce(1, *) : 1 } ?? 1 }
    func place(_ element: Int, _ axis: Int?) -> Int { element / stride(axis) % size(axis) }
    func name(_ axis: Int?) -> String { axis.map { names.indices.contains($0) ? names[$0] : "value" } ?? "" }

    let found = result.doubles
    var map = HeatMap(columns: size(column), rows: size(row))
    comparison.reference.forEachDouble { element, expected in
      map.mark(place(element, column), place(element, row), Self.level(found[element], expected, comparison.tolerance))
    }
    let first = comparison.firstBeyond.map { position in
      (column: position.indices.contains(column) ? position[column] : 0, row: row.map { position[$0] } ?? 0)
    }
    errors = map.drawing(
      column: ("\(name(column)) 0", "\((size(column) - 1).groupedDigits)"), row: (row == nil ? "" : "\(name(row)) 0", "\((size(row) - 1).groupedDigits)"),
      ring: first)
    let others = sizes.indices.filter { $0 != column && $0 != row && sizes[$0] > 1 }.map(name)
    errorCaption = "Error of each \(name(column))" + (row == nil ? "" : " and \(name(row))")
      + (others.isEmpty ? "" : ", the largest of every \(others.joined(separator: " and "))")
      + (map.isCoarse ? "; a cell is the largest of several" : "")
      + (comparison.firstBeyond.map { ". Ring: first beyond the tolerance, at \(comparison.describe($0))." } ?? ".")

    // Along the column's axis, at the other axes' place of the largest error.
    var position = comparison.position
    while position.count < sizes.count { position.append(0) }
    let step = stride(column)
    let start = zip(sizes.indices, position).reduce(0) { $0 + ($1.0 == column ? 0 : $1.1 * stride($1.0)) }
    var expected = [Double](repeating: 0, count: size(column))
    let wanted = (0..<size(column)).map { start + $0 * step }
    comparison.reference.forEachDouble { element, value in
      let along = element / step % expected.count
      if wanted[along] == element { expected[along] = value }
    }
    let fixed = sizes.indices.filter { $0 != column && sizes[$0] > 1 }.map { "\(name($0)) \(position[$0])" }
    curves = LinePlot(
      curves: [
        LinePlot.Curve(name: "reference", values: expected, style: "reference"),
        LinePlot.Curve(name: "result", values: wanted.map { found[$0] }, style: "first"),
      ], width: 460, height: 140, firstLabel: "\(name(column)) 0", lastLabel: "\((size(column) - 1).groupedDigits)"
    ).drawing
    curveCaption = fixed.isEmpty ? "Reference and result." : "Reference and result of \(fixed.joined(separator: ", ")), where the error is largest."
  }

  /// 0 for no error, up to 3 within the tolerance, above beyond it.
  private static func level(_ found: Double, _ expected: Double, _ tolerance: Tolerance) -> Int {
    if found == expected { return 0 }
    let error = distance(found, expected), allowed = tolerance.allowed(expected)
    guard error.isFinite, allowed > 0 else { return 7 }
    switch error / allowed {
    case ...0.01: return 1
    case ...0.1: return 2
    case ...1: return 3
    case ...10: return 4
    case ...100: return 5
    case ...1000: return 6
    default: return 7
    }
  }
}

extension CaseSection {
  /// What the shades of a heat map mean.
  static let legend: String = {
    let words = ["none", "to 1 %", "to 10 %", "within the tolerance", "to 10 times", "to 100 times", "to 1,000 times", "more, or not finite"]
    let items = words.enumerated().map { level, text in
      "<span><svg width=\"12\" height=\"12\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect width=\"12\" height=\"12\" class=\"heat\(level)\"/></svg>\(text)</span>"
    }
    return "<div class=\"legend\"><span>Error as a share of what is allowed:</span>" + items.joined() + "</div>"
  }()
}
