/// A dense float64 matrix, row-major: enough of one for a diagnosis.
package struct Matrix {
  let rows: Int
  let columns: Int
  var values: [Double]

  package init(rows: Int, columns: Int, values: [Double]) {
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  static func identity(_ size: Int) -> Matrix {
    var result = Matrix(rows: size, columns: size, values: [Double](repeating: 0, count: size * size))
    for index in 0..<size { result.values[index * size + index] = 1 }
    return result
  }

  /// Rows `range` alone.
  func slice(_ range: Range<Int>) -> Matrix {
    Matrix(
      rows: range.count, columns: columns,
      values: Array(values[range.lowerBound * columns..<range.upperBound * columns]))
  }

  /// self · other
  func times(_ other: Matrix) -> Matrix {
    var result = [Double](repeating: 0, count: rows * other.columns)
    let (inner, width) = (columns, other.columns)
    values.withUnsafeBufferPointer { a in
      other.values.withUnsafeBufferPointer { b in
        result.withUnsafeMutableBufferPointer { c in
          for i in 0..<rows {
            for k in 0..<inner {
              let factor = a[i * inner + k]
              if factor == 0 { continue }
              for j in 0..<width { c[i * width + j] += factor * b[k * width + j] }
            }
          }
        }
      }
    }
    return Matrix(rows: rows, columns: other.columns, values: result)
  }

  /// self · vector
  func times(_ vector: [Double]) -> [Double] {
    (0..<rows).map { row in
      var sum = 0.0
      for column in 0..<columns { sum += values[row * columns + column] * vector[column] }
      return sum
    }
  }

  /// selfᵀ · vector
  func transposedTimes(_ vector: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns { result[column] += values[row * columns + column] * vector[row] }
    }
    return result
  }

  var frobeniusNorm: Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  /// The largest singular value, by power iteration on selfᵀ·self to a relative 1e-9 or 1,000 rounds. NaN where an element
  /// is not finite.
  var spectralNorm: Double {
    guard values.allSatisfy(\.isFinite) else { return .nan }
    let largest = values.reduce(0) { max($0, abs($1)) }
    guard largest > 0 else { return 0 }
    // Scaled, so that squares neither overflow nor vanish; the start has a share of every direction.
    let scaled = Matrix(rows: rows, columns: columns, values: values.map { $0 / largest })
    var vector = (0..<columns).map { (index: Int) -> Double in 1 + Double(index &* 2_654_435_761 % 1000) / 2000 }
    var norm = 0.0
    for _ in 0..<1000 {
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard length > 0 else { return norm * largest }
      vector = vector.map { $0 / length }
      let image = scaled.times(vector)
      let next = image.reduce(0) { $0 + $1 * $1 }.squareRoot()
      vector = scaled.transposedTimes(image)
      let isSettled = abs(next - norm) <= 1e-9 * next
      norm = next
      if isSettled { break }
    }
    return norm * largest
  }

  /// The largest absolute eigenvalue of a square matrix, as the growth of ‖Aᵏ‖ from k to 2k by repeated squaring up to
  /// k = 8192: within about 0.1 %. NaN where an element is not finite.
  var spectralRadius: Double {
    guard values.allSatisfy(\.isFinite), rows == columns else { return .nan }
    var power = self
    // log ‖A^(2^i)‖ without the scale taken out so far, so that nothing overflows.
    var (logScale, last, logNorm) = (0.0, 0.0, 0.0)
    for doubling in 0...14 {
      let norm = power.frobeniusNorm
      guard norm > 0 else { return 0 }
      last = logNorm
      logNorm = logScale + logarithm(norm)
      if doubling == 14 { break }
      power.values = power.values.map { $0 / norm }
      logScale = 2 * logNorm
      power = power.times(power)
    }
    return exponential((logNorm - last) / 8192)
  }
}
