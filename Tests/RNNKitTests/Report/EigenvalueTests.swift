import Foundation
import RNNKit
import Testing

/// Against `Fixtures/eigenvalues.json`, made by NumPy (`Fixtures/make_eigenvalues.py`).
@Suite struct EigenvalueTests {
  private struct Expected: Decodable {
    struct Case: Decodable {
      var name: String
      var size: Int
      var matrix: [Double]
      var real: [Double]
      var imaginary: [Double]
    }
    var cases: [Case]
  }

  @Test func areThoseOfNumPy() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try Data(contentsOf: folder.appendingPathComponent("Fixtures/eigenvalues.json"))
    let cases = try JSONDecoder().decode(Expected.self, from: data).cases
    #expect(cases.count >= 17)
    for one in cases {
      // Scaled by what would overflow or vanish in squares.
      for scale in [1, 1e-200, 1e200] {
        let matrix = Matrix(rows: one.size, columns: one.size, values: one.matrix.map { $0 * scale })
        var found = try #require(matrix.eigenvalues, "\(one.name)").map { (real: $0.real / scale, imaginary: $0.imaginary / scale) }
        #expect(found.count == one.size)
        let norm = max(one.matrix.map(abs).max() ?? 0, 1)
        for (real, imaginary) in zip(one.real, one.imaginary) {
          func distance(_ value: (real: Double, imaginary: Double)) -> Double { hypot(value.real - real, value.imaginary - imaginary) }
          let nearest = try #require(found.indices.min { distance(found[$0]) < distance(found[$1]) })
          #expect(distance(found[nearest]) <= 1e-8 * norm, "\(one.name): \(real) + \(imaginary)i, nearest \(found[nearest])")
          found.remove(at: nearest)
        }
      }
    }
  }

  @Test func areNoneOfWhatHasNone() {
    #expect(Matrix(rows: 2, columns: 2, values: [1, .nan, 0, 1]).eigenvalues == nil)
    #expect(Matrix(rows: 2, columns: 2, values: [1, .infinity, 0, 1]).eigenvalues == nil)
    #expect(Matrix(rows: 1, columns: 2, values: [1, 2]).eigenvalues == nil)
    #expect(Matrix(rows: 0, columns: 0, values: []).eigenvalues?.isEmpty == true)
  }
}
