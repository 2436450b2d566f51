import RNNModel

/// A matrix of whole numbers and its products, as `Schemas/numbers.md` says.
struct Defined8BitMatrix {
  let numbers: [[Int]]
  let scales: [Float]

  init(_ weight: QuantizedWeight) {
    let all = weight.numbers.doubles.map { Int($0) }, columns = weight.numbers.shape[1]
    numbers = (0..<weight.numbers.shape[0]).map { Array(all[$0 * columns..<($0 + 1) * columns]) }
    scales = weight.scale.doubles.map { Float($0) }
  }

  /// A row of numbers u, which stand for scale·(u − zero).
  private static func rounded(_ x: [Float]) -> (scale: Float, zero: Int, u: [Int]) {
    let none = [Int](repeating: 0, count: x.count)
    if x.contains(where: { !$0.isFinite }) { return (.nan, 0, none) }
    let high = x.reduce(0) { $1 > $0 ? $1 : $0 }, low = x.reduce(0) { $1 < $0 ? $1 : $0 }, width = high - low
    if width.isInfinite { return (.nan, 0, none) }
    if width < 0x1p-118 { return (0, 0, none) }
    let inverse = 255 / width
    let zero = Int((-low * inverse).rounded(.toNearestOrEven))
    return (width * 0x1.010102p-8, zero, x.map { min(255, Int(($0 * inverse).rounded(.toNearestOrEven)) + zero) })
  }

  func product<R: DefinedReal>(_ row: Int, _ x: [R], from start: R) -> R {
    products(x, rows: row..<row + 1, from: [start])[0]
  }

  func products<R: DefinedReal>(_ x: [R], from start: [R]) -> [R] { products(x, rows: numbers.indices, from: start) }

  private func products<R: DefinedReal>(_ x: [R], rows: Range<Int>, from start: [R]) -> [R] {
    let (scale, zero, u) = Self.rounded(x.map { Float($0) })
    return zip(rows, start).map { row, start in
      let sum = zip(numbers[row], u).reduce(0) { $0 + $1.0 * ($1.1 - zero) }
      return R(fma(Float(sum), scale * scales[row], Float(start)))
    }
  }
}
