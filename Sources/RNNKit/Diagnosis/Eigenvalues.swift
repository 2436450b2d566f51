extension Matrix {
  /// The eigenvalues of a square matrix, each as often as it is a root, pairs of conjugates beside each other: Householder's
  /// reduction to Hessenberg form, then Francis' double QR steps (EISPACK's hqr). Nil where an element is not finite, the matrix
  /// is not square, or a root is not found in 100 steps.
  ///
  /// Takes about ten multiplications for each element and row.
  package var eigenvalues: [(real: Double, imaginary: Double)]? {
    guard rows == columns, values.allSatisfy(\.isFinite) else { return nil }
    let largest = values.reduce(0) { max($0, abs($1)) }
    guard largest > 0 else { return [(real: Double, imaginary: Double)](repeating: (0, 0), count: rows) }
    // Scaled by a power of two, so that squares neither overflow nor vanish.
    let scale = Double(sign: .plus, exponent: largest.exponent, significand: 1)
    var reduced = Matrix(rows: rows, columns: columns, values: values.map { $0 / scale })
    reduced.reduceToHessenberg()
    return reduced.hessenbergEigenvalues()?.map { ($0.real * scale, $0.imaginary * scale) }
  }

  /// Makes what is below the first subdiagonal zero, by reflections on both sides.
  private mutating func reduceToHessenberg() {
    let size = rows
    guard size > 2 else { return }
    values.withUnsafeMutableBufferPointer { a in
      var reflection = [Double](repeating: 0, count: size)
      for column in 0..<size - 2 {
        var norm = 0.0
        for row in column + 1..<size {
          reflection[row] = a[row * size + column]
          norm += reflection[row] * reflection[row]
        }
        norm = norm.squareRoot()
        guard norm > 0 else { continue }
        if reflection[column + 1] < 0 { norm = -norm }
        reflection[column + 1] += norm
        let half = norm * reflection[column + 1]
        guard half > 0 else { continue }
        for j in column..<size {
          var sum = 0.0
          for row in column + 1..<size { sum += reflection[row] * a[row * size + j] }
          sum /= half
          for row in column + 1..<size { a[row * size + j] -= sum * reflection[row] }
        }
        for i in 0..<size {
          var sum = 0.0
          for j in column + 1..<size { sum += reflection[j] * a[i * size + j] }
          sum /= half
          for j in column + 1..<size { a[i * size + j] -= sum * reflection[j] }
        }
        for row in column + 2..<size { a[row * size + column] = 0 }
      }
    }
  }

  private func hessenbergEigenvalues() -> [(real: Double, imaginary: Double)]? {
    let size = rows
    var result = [(real: Double, imaginary: Double)](repeating: (0, 0), count: size)
    var elements = values
    let isDone = elements.withUnsafeMutableBufferPointer { h in
      func at(_ row: Int, _ column: Int) -> Double { h[row * size + column] }
      var norm = 0.0
      for row in 0..<size { for column in max(row - 1, 0)..<size { norm += abs(at(row, column)) } }
      var (end, rounds, shift) = (size - 1, 0, 0.0)
      while end >= 0 {
        // The last block that nothing below it is tied to.
        var start = end
        while start > 0 {
          let sum = abs(at(start - 1, start - 1)) + abs(at(start, start))
          if abs(at(start, start - 1)) < Double.ulpOfOne * (sum == 0 ? norm : sum) { break }
          start -= 1
        }
        var x = at(end, end)
        if start == end {
          result[end] = (x + shift, 0)
          (end, rounds) = (end - 1, 0)
          continue
        }
        var y = at(end - 1, end - 1)
        var w = at(end, end - 1) * at(end - 1, end)
        if start == end - 1 {
          let p = (y - x) / 2, q = p * p + w, root = abs(q).squareRoot()
          x += shift
          if q >= 0 {
            let z = p >= 0 ? p + root : p - root
            result[end - 1] = (x + z, 0)
            result[end] = (z == 0 ? x + z : x - w / z, 0)
          } else {
            result[end - 1] = (x + p, root)
            result[end] = (x + p, -root)
          }
          (end, rounds) = (end - 2, 0)
          continue
        }
        rounds += 1
        guard rounds <= 100 else { return false }
        if rounds % 10 == 0 {
          // A shift out of turn, where the usual ones go round in circles.
          shift += x
          for i in 0...end { h[i * size + i] -= x }
          let s = abs(at(end, end - 1)) + abs(at(end - 1, end - 2))
          (x, y, w) = (0.75 * s, 0.75 * s, -0.4375 * s * s)
        }
        var (p, q, r) = (0.0, 0.0, 0.0)
        var middle = end - 2
        while true {
          let z = at(middle, middle), a = x - z, b = y - z
          p = (a * b - w) / at(middle + 1, middle) + at(middle, middle + 1)
          q = at(middle + 1, middle + 1) - z - a - b
          r = at(middle + 2, middle + 1)
          let s = abs(p) + abs(q) + abs(r)
          if s > 0 { (p, q, r) = (p / s, q / s, r / s) }
          if middle == start { break }
          let small = abs(at(middle, middle - 1)) * (abs(q) + abs(r))
          let large = abs(p) * (abs(at(middle - 1, middle - 1)) + abs(z) + abs(at(middle + 1, middle + 1)))
          if small < Double.ulpOfOne * large { break }
          middle -= 1
        }
        for i in middle + 2...end {
          h[i * size + i - 2] = 0
          if i > middle + 2 { h[i * size + i - 3] = 0 }
        }
        for k in middle..<end {
          let hasThird = k != end - 1
          var scale = 1.0
          if k != middle {
            (p, q, r) = (at(k, k - 1), at(k + 1, k - 1), hasThird ? at(k + 2, k - 1) : 0)
            scale = abs(p) + abs(q) + abs(r)
            if scale == 0 { continue }
            (p, q, r) = (p / scale, q / scale, r / scale)
          }
          var s = (p * p + q * q + r * r).squareRoot()
          if p < 0 { s = -s }
          if s == 0 { continue }
          if k != middle { h[k * size + k - 1] = -s * scale } else if start != middle { h[k * size + k - 1] = -at(k, k - 1) }
          p += s
          let (fx, fy, fz) = (p / s, q / s, r / s)
          (q, r) = (q / p, r / p)
          for j in k...end {
            var sum = at(k, j) + q * at(k + 1, j)
            if hasThird {
              sum += r * at(k + 2, j)
              h[(k + 2) * size + j] -= sum * fz
            }
            h[k * size + j] -= sum * fx
            h[(k + 1) * size + j] -= sum * fy
          }
          for i in start...min(end, k + 3) {
            var sum = fx * at(i, k) + fy * at(i, k + 1)
            if hasThird {
              sum += fz * at(i, k + 2)
              h[i * size + k + 2] -= sum * r
            }
            h[i * size + k] -= sum
            h[i * size + k + 1] -= sum * q
          }
        }
      }
      return true
    }
    return isDone ? result : nil
  }
}
