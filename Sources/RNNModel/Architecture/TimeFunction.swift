/// What is made of all steps of a sequence, each feature by itself and within the sequence's own length.
public enum TimeFunction: String, Sendable, Hashable, CaseIterable {
  /// Of all steps.
  case sum, mean
  /// The largest number; NaN where there is one.
  case max
  /// A number at every step, all of which sum to 1.
  case softmax

  /// Whether there is still a value for every step.
  public var keepsTime: Bool { self == .softmax }
}
