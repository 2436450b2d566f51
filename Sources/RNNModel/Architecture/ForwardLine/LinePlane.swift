/// What runs along an axis of a tensor in PyTorch. An axis of several, joined by `flatten` or `view`, has the last one running
/// fastest; an axis of 1 has none.
package enum LineAtom: Hashable {
  case batch
  /// So many steps of the input's.
  case time(TimeAxis)
  /// Features of a step, with a number that tells one axis from another of the same size.
  case features(Int, size: Int)
  /// Features of a value of which nothing tells how many they are.
  case open(Forward.Value)

  package var isBatch: Bool { self == .batch }
  package var isTime: Bool { if case .time = self { true } else { false } }
  package var isFeatures: Bool { !isBatch && !isTime }
  /// How many, where that is a number.
  package var size: Int? { if case .features(_, let size) = self { size } else { nil } }
}

package typealias LineAxis = [LineAtom]

/// A value with the axes that PyTorch has it with, where these are not (batch, time, features).
package struct LinePlane {
  package var value: Forward.Value
  /// None where nothing tells them.
  package var axes: [LineAxis]
  /// The order in which the features of a step stand in `value`.
  package var layout: LineAxis
  /// Whether it is read as a step's features, as the line itself has them, where no axis is asked for: an input of declared axes,
  /// and what modules give of it before any axis is moved.
  package var isOwn: Bool

  package init(value: Forward.Value, axes: [LineAxis], layout: LineAxis, isOwn: Bool) {
    (self.value, self.axes, self.layout, self.isOwn) = (value, axes, layout, isOwn)
  }

  package var hasTime: Bool { axes.contains { $0.contains(where: \.isTime) } }
  /// `(batch, 64, time, 20)`
  package var description: String {
    let words = axes.map { axis in
      axis.isEmpty ? "1" : axis.map { atom in
        switch atom {
        case .batch: "batch"
        case .time(let axis): axis.description
        case .features(_, let size): "\(size)"
        case .open: "features"
        }
      }.joined(separator: " * ")
    }
    return axes.isEmpty ? "axes that nothing tells" : "(\(words.joined(separator: ", ")))"
  }
}

/// What is known of a size: a product.
package struct LineExtent: Hashable {
  var batches = 0
  package var times: [TimeAxis] = []
  package var number = 1
  var open: [Forward.Value] = []

  package init() {}

  package init?(_ axis: LineAxis) {
    for atom in axis {
      switch atom {
      case .batch: batches += 1
      case .time(let axis): times.append(axis)
      case .open(let value): open.append(value)
      case .features(_, let size):
        let (product, overflow) = number.multipliedReportingOverflow(by: size)
        guard !overflow else { return nil }
        number = product
      }
    }
  }

  package init(_ number: Int) { self.number = number }

  init?(whole number: Double) {
    guard let number = Int(exactly: number), (1...Limits.maximumModuleSize).contains(number) else { return nil }
    self.number = number
  }

  package func times(_ other: LineExtent) -> LineExtent? {
    let (product, overflow) = number.multipliedReportingOverflow(by: other.number)
    guard !overflow else { return nil }
    var result = self
    result.number = product
    result.batches += other.batches
    result.times += other.times
    result.open += other.open
    return result
  }

  /// The number, where it is nothing else.
  package var whole: Int? { batches == 0 && times.isEmpty && open.isEmpty ? number : nil }
  var isOne: Bool { whole == 1 }

  /// Takes what runs along an axis, or the outer or inner part of it, which `atom` then is, with the rest of it. Nil where it is none
  /// of the size's.
  mutating func take(_ atom: LineAtom, fromInside: Bool, _ number: () -> Int) -> (taken: LineAtom, rest: LineAtom?)? {
    switch atom {
    case .batch:
      guard batches > 0 else { return nil }
      batches -= 1
    case .time(let axis):
      guard let index = times.firstIndex(of: axis) else { return nil }
      times.remove(at: index)
    case .open(let value):
      guard let index = open.firstIndex(of: value) else { return nil }
      open.remove(at: index)
    case .features(_, let size):
      if self.number % size == 0 {
        self.number /= size
      } else if self.number > 1, size % self.number == 0 {
        let taken = LineAtom.features(number(), size: self.number), rest = LineAtom.features(number(), size: size / self.number)
        self.number = 1
        return (taken, rest)
      } else {
        return nil
      }
    }
    return (atom, nil)
  }
}
