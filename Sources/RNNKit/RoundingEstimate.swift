import RNNModel

/// What the axes of a member mean, as far as its judge needs it.
struct MemberAxes: Sendable, Hashable {
  /// Which way errors grow along the axis `step`.
  enum Time: Sendable, Hashable { case forward, backward, both }

  /// `["step", "batch", "unit"]`. All axes but `step` and the last one are judged apart from each other.
  var names: [String]
  /// The equal parts of the last axis whose errors grow apart from each other, as the directions of a layer do.
  var parts: [Time] = [.forward]
  /// Whether all numbers of a part are the state of one layer, so that rounding moves all of them about equally.
  var isState = false
}

/// How far from the float64 run rounding can take each number of a member.
///
/// Several runs in float64, their inputs and weights moved as rounding moves numbers, show how far apart rounding takes two
/// runs. The estimate for a number is `factor` times the largest distance of any of these runs, up to its step in the
/// order in which errors grow, in its row of the batch and its part of the last axis. Where the numbers of a part may be of
/// different scale, distances count by each one's scale.
struct RoundingEstimate: Sendable {
  /// Runs that are moved. With few numbers in a model, eight at times all move its result by little.
  static let runs = 16
  /// The estimate over the largest distance seen.
  static let factor = 4.0
  /// Where time runs both ways, the steps on either side that count: errors can shrink and grow again.
  private static let reach = 8
  /// Within this factor of the largest finite number, another order of adding may overflow.
  private static let headroom = 16.0

  /// For each element, how far a reference may be from the float64 run.
  private(set) var bounds: [Double]
  /// For each element, whether its step tells anything: whether twice the bound is less than the signal's range, or the
  /// bound within tolerance, for half of the units that are not always zero.
  private(set) var isComparable: [Bool]
  /// For each element, whether the precision that the reference was computed in may have overflowed there.
  private(set) var mayOverflow: [Bool]

  /// - Parameters:
  ///   - exact: The float64 run's numbers, of `shape`.
  ///   - result: The run's in the model's own precision.
  ///   - spread: For each element the largest distance of a moved run from `exact`, infinite where one is not finite.
  ///   - largest: The largest finite number of the precision that the reference was computed in.
  init(
    exact: [Double], result: [Double], spread: [Double], shape: Shape, axes: MemberAxes, tolerance: Tolerance,
    largest: Double
  ) {
    bounds = [Double](repeating: 0, count: exact.count)
    isComparable = [Bool](repeating: true, count: exact.count)
    mayOverflow = [Bool](repeating: false, count: exact.count)
    let dimensions = shape.dimensions
    let units = dimensions.last ?? 1
    guard !exact.isEmpty, units > 0 else { return }
    let time = axes.names.firstIndex(of: "step").flatMap { $0 < dimensions.count - 1 ? $0 : nil }
    let steps = time.map { dimensions[$0] } ?? 1
    let stride = time.map { dimensions[($0 + 1)..<(dimensions.count - 1)].reduce(1, *) } ?? 1
    let parts = units % axes.parts.count == 0 ? axes.parts : [.both]
    for row in 0..<exact.count / units where row / stride % steps == 0 {
      for (part, grows) in parts.enumerated() {
        let size = units / parts.count
        let track = Track(
          first: row * units + part * size, stride: stride * units, steps: steps, units: size, grows: grows,
          isState: axes.isState)
        estimate(track, exact, result, spread, tolerance, largest)
      }
    }
  }

  /// The elements of one row of the batch and one part of the last axis, at all steps.
  private struct Track {
    let first: Int
    let stride: Int
    let steps: Int
    let units: Int
    let grows: MemberAxes.Time
    let isState: Bool

    func element(_ step: Int, _ unit: Int) -> Int { first + step * stride + unit }
    /// A step and the two beside it.
    func around(_ step: Int) -> ClosedRange<Int> { max(step - 1, 0)...min(step + 1, steps - 1) }
  }

  private mutating func estimate(
    _ track: Track, _ exact: [Double], _ result: [Double], _ spread: [Double], _ tolerance: Tolerance, _ largest: Double
  ) {
    var scales = [Double](repeating: 0, count: track.units)
    var (widest, relative) = ([Double](repeating: 0, count: track.steps), [Double](repeating: 0, count: track.steps))
    for step in 0..<track.steps {
      for unit in 0..<track.units {
        let value = abs(exact[track.element(step, unit)])
        if value.isFinite { scales[unit] = max(scales[unit], value) }
      }
    }
    for step in 0..<track.steps {
      for unit in 0..<track.units {
        let spread = spread[track.element(step, unit)]
        widest[step] = max(widest[step], spread)
        if spread > 0 { relative[step] = max(relative[step], spread / scales[unit]) }
      }
    }
    widest = Self.grown(widest, track.grows)
    relative = Self.grown(relative, track.grows)
    for step in 0..<track.steps {
      for unit in 0..<track.units {
        let scaled = track.isState || relative[step].isInfinite ? .infinity : scales[unit] * relative[step]
        bounds[track.element(step, unit)] = Self.factor * min(widest[step], scaled)
      }
    }
    markComparable(track, exact, scales, tolerance)
    markOverflow(track, exact, result, largest)
  }

  /// The largest up to each step and the one after it, in the order in which errors grow.
  private static func grown(_ values: [Double], _ grows: MemberAxes.Time) -> [Double] {
    let last = values.count - 1
    switch grows {
    case .both:
      return values.indices.map { values[max($0 - reach, 0)...min($0 + reach, last)].max() ?? 0 }
    case .backward:
      return Array(grown(values.reversed(), .forward).reversed())
    case .forward:
      var largest = values.first ?? 0
      return values.indices.map { step in
        largest = max(largest, values[min(step + 1, last)])
        return largest
      }
    }
  }

  /// The range, zero included, is of the steps up to this one or of those from it on, whichever is less: what comes
  /// where a signal has grown says nothing of where it was small.
  private mutating func markComparable(_ track: Track, _ exact: [Double], _ scales: [Double], _ tolerance: Tolerance) {
    func ranges(_ order: some Sequence<Int>, _ unit: Int) -> [Double] {
      var (low, high) = (0.0, 0.0)
      var result = [Double](repeating: 0, count: track.steps)
      for step in order {
        let value = exact[track.element(step, unit)]
        if value.isFinite { (low, high) = (min(low, value), max(high, value)) }
        result[step] = high - low
      }
      return result
    }
    var known = [Int](repeating: 0, count: track.steps)
    var live = 0
    for unit in 0..<track.units where scales[unit] > 0 {
      live += 1
      let (before, after) = (ranges(0..<track.steps, unit), ranges((0..<track.steps).reversed(), unit))
      for step in 0..<track.steps {
        let element = track.element(step, unit), bound = bounds[element]
        if bound <= tolerance.allowed(exact[element]) || 2 * bound < min(before[step], after[step]) { known[step] += 1 }
      }
    }
    for step in 0..<track.steps where 2 * known[step] < live {
      for unit in 0..<track.units { isComparable[track.element(step, unit)] = false }
    }
  }

  /// Where the float64 run has overflowed too, only a run that overflowed in the narrower precision before tells that
  /// from numbers that were never finite.
  private mutating func markOverflow(_ track: Track, _ exact: [Double], _ result: [Double], _ largest: Double) {
    var (overflowed, open) = ([Int](), [Int]())
    for step in 0..<track.steps {
      let elements = (0..<track.units).lazy.map { track.element(step, $0) }
      guard elements.allSatisfy({ exact[$0].isFinite }) else {
        open.append(step)
        continue
      }
      let isNear = elements.contains { abs(exact[$0]) >= largest / Self.headroom }
      let isOver = track.around(step).contains { near in
        (0..<track.units).contains { !result[track.element(near, $0)].isFinite }
      }
      if isNear || isOver { overflowed.append(step) }
    }
    for step in overflowed + (overflowed.isEmpty ? [] : open) {
      for unit in 0..<track.units { mayOverflow[track.element(step, unit)] = true }
    }
  }
}
