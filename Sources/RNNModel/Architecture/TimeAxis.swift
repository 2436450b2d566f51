/// How many steps a value has of an input of n: (n + offset) / stride, rounded down. What windows in a row do to the time axis
/// is always one of these.
public struct TimeAxis: Sendable, Hashable {
  /// What is added to the input's steps.
  public private(set) var offset = 0
  /// How many of the input's steps one of them stands for.
  public private(set) var stride = 1

  /// The input's own.
  public init() {}

  /// Steps of a value of an input of so many; 0 where that is too short.
  public func steps(of count: Int) -> Int { Swift.max(0, Self.quotient(count &+ offset, stride)) }

  /// The least steps of an input that give so many.
  public func leastInput(for steps: Int) -> Int {
    let product = steps.multipliedReportingOverflow(by: stride)
    let least = product.partialValue.subtractingReportingOverflow(offset)
    return product.overflow || least.overflow ? .max : Swift.max(1, least.partialValue)
  }

  /// The axis behind a window on this one. Nil where its numbers are larger than a run could ever reach.
  package func under(_ window: TimeWindow) -> TimeAxis? {
    let (scaled, overflow) = window.offset.multipliedReportingOverflow(by: stride)
    let (sum, overflowToo) = offset.addingReportingOverflow(scaled)
    let (product, overflowAgain) = stride.multipliedReportingOverflow(by: window.stride)
    guard !overflow, !overflowToo, !overflowAgain, sum.magnitude < 1 << 40, product < 1 << 40 else { return nil }
    var result = self
    (result.offset, result.stride) = (sum, product)
    return result
  }

  /// `time`, `(time - 4) / 2`, as errors have it.
  public var description: String {
    let sum = offset == 0 ? "time" : "time \(offset > 0 ? "+" : "-") \(offset.magnitude)"
    return stride == 1 ? sum : offset == 0 ? "time / \(stride)" : "(\(sum)) / \(stride)"
  }

  private static func quotient(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : -((b - 1 - a) / b) }
}

/// Steps that go into one together, and how far it is from one of these to the next.
public struct TimeWindow: Sendable, Hashable, BitwiseCopyable {
  /// Steps that are taken.
  public var size: Int
  /// Steps from the first of one window to that of the next.
  public var stride: Int
  /// Steps from one that is taken to the next.
  public var dilation: Int
  /// Steps of padding before a sequence and after it; negative ones are cut off.
  public var before: Int
  /// Steps of padding behind a sequence; negative cuts steps off.
  public var after: Int

  public init(size: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0) {
    self.size = size
    self.stride = stride
    self.dilation = dilation
    self.before = before
    self.after = after
  }

  /// Steps from the first that is taken to the last, both counted.
  public var span: Int { (size - 1) * dilation + 1 }
  /// Whether all numbers are such that nothing computed with them overflows.
  public var isSound: Bool {
    let most = Limits.maximumWindow
    return [size, stride, dilation].allSatisfy { (1...most).contains($0) } && [before, after].allSatisfy { (-most...most).contains($0) }
      && size.multipliedReportingOverflow(by: dilation).partialValue <= most
  }
  /// Windows of n steps are (n + offset) / stride.
  public var offset: Int { before + after - span + stride }
  /// Steps that must be there for a window: those that it spans, and those that are cut off behind it.
  public var reach: Int { span + Swift.max(0, -after) }
  /// Whether windows need nothing that stands behind a sequence, so that each can be made once the steps that it spans have
  /// come.
  public var isCausal: Bool { after <= 0 }
}

/// What becomes of the steps in a window, each feature by itself.
public enum WindowFunction: Sendable, Hashable, BitwiseCopyable {
  /// The largest of those that are there; NaN where there is one.
  case max
  /// Their mean, with or without the padding's zeros.
  case average(countsPadding: Bool)
  /// All of them, one after the other, as features of one step; padding is zeros.
  case join

  /// How the forward line calls it.
  public var word: String {
    switch self {
    case .max: "max_pool"
    case .average: "avg_pool"
    case .join: "join"
    }
  }
}
