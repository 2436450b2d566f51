import RNNKit
import Testing

/// Boxes keep their distance and arrows run around them, whatever the graph.
@Suite struct LayeredLayoutTests {
  private struct Random {
    var state: UInt64
    mutating func next(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
  }

  private struct Case {
    var sizes: [LayeredLayout.Size]
    var edges: [LayeredLayout.Edge]
    var isLate: [Bool]

    init(seed: Int) {
      var random = Random(state: UInt64(seed) &* 7919 &+ 3)
      let count = 1 + random.next(40)
      sizes = (0..<count).map { _ in LayeredLayout.Size(width: 40 + Double(random.next(250)), height: 20 + Double(random.next(70))) }
      edges = []
      for target in 1..<max(count, 2) where target < count {
        for port in 0..<random.next(4) { edges.append(.init(source: random.next(target), target: target, port: port)) }
      }
      isLate = (0..<count).map { _ in random.next(3) == 0 }
    }
  }

  @Test(arguments: 0..<300) func nothingOverlapsOrLeavesThePicture(seed: Int) {
    let made = Case(seed: seed)
    let layout = LayeredLayout(made.sizes, made.edges, isLate: made.isLate)
    #expect(layout.centers.count == made.sizes.count && layout.routes.count == made.edges.count)
    let boxes = zip(made.sizes, layout.centers).map { size, center in
      (left: center.x - size.width / 2, right: center.x + size.width / 2, top: center.y - size.height / 2, bottom: center.y + size.height / 2)
    }
    for (index, a) in boxes.enumerated() {
      #expect(a.left > -0.01 && a.right < layout.width + 0.01 && a.top > -0.01 && a.bottom < layout.height + 0.01)
      for b in boxes[..<index] {
        #expect(a.right + 20 < b.left || b.right + 20 < a.left || a.bottom + 20 < b.top || b.bottom + 20 < a.top)
      }
    }
    for (edge, route) in zip(made.edges, layout.routes) {
      let (source, target) = (boxes[edge.source], boxes[edge.target])
      #expect(target.bottom < source.top, "an arrow leads up")
      guard let first = route.first, let last = route.last else {
        Issue.record("an arrow without points")
        continue
      }
      #expect(first.y == source.top && abs(first.x - (source.left + source.right) / 2) < 0.01)
      #expect(last.y == target.bottom && last.x > target.left && last.x < target.right)
      // Between two points an arrow stays within the rectangle that they span.
      for (a, b) in zip(route, route.dropFirst()) {
        for (number, box) in boxes.enumerated() where number != edge.source && number != edge.target {
          let isBeside = max(a.x, b.x) < box.left || min(a.x, b.x) > box.right
          let isAbove = max(a.y, b.y) < box.top + 0.01 || min(a.y, b.y) > box.bottom - 0.01
          #expect(isBeside || isAbove, "through box \(number)")
        }
      }
    }
  }

  @Test func drawsBoxesThatNothingConnects() {
    let sizes = [LayeredLayout.Size](repeating: .init(width: 50, height: 20), count: 9)
    let layout = LayeredLayout(sizes, [], isLate: [Bool](repeating: false, count: 9), rows: 4)
    #expect(Set(layout.centers.map(\.y)).count == 3)
    #expect(LayeredLayout([], [], isLate: []).height == 0)
  }

  @Test func cutsTextToItsRoom() {
    for text in ["", "lstm", "model.encoder.layers.0.lstm", String(repeating: "W", count: 5000), "日本語の名前の長いもの", "🎸🎸🎸🎸🎸🎸🎸🎸🎸🎸"] {
      for width in [20.0, 60, 200] {
        let shown = TextWidth.fitted(text, size: 12, within: width)
        let isWhole = TextWidth.of(text, size: 12) <= width
        #expect(isWhole == (shown == text))
        #expect(TextWidth.of(shown, size: 12) <= width + 0.02, "\(shown)")
        if !isWhole { #expect(shown.contains("…")) }
      }
    }
  }

  @Test(arguments: [
    (0.0, "0"), (45, "45"), (0.00123, "0.00123"), (3.354e7, "3.35e+07"), (4.4703e-8, "4.47e-08"), (-1, "-1"), (999.7, "1000"),
    (123_456, "123000"), (0.1, "0.1"), (99.96, "100"), (0.99999, "1"), (1e-5, "1e-05"), (0.00012, "0.00012"), (-2.5e300, "-2.5e+300"), (.leastNonzeroMagnitude, "5e-324"),
    (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "NaN"), (9.999e5, "1e+06"),
  ])
  func printsNumbersInThreeDigits(_ value: Double, _ text: String) {
    #expect(value.short == text)
  }
}
