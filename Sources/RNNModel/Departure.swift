/// What a file asks for that changes the numbers and that RNNKit does not do: refused, unless the user says to go on
/// without it (`ModelOptions.ignored`).
public struct Departure: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Steps that a mask leaves out.
    case masks
    /// Arithmetic in float16 or bfloat16.
    case halfPrecision = "half-precision"
    /// Random numbers while the model runs, as dropout's that is left on.
    case randomness

    fileprivate var remedy: String {
      switch self {
      case .masks: "say --ignore masks to run every step, and give lengths where sequences end early"
      case .halfPrecision: "say --ignore half-precision to compute in float32"
      case .randomness: "save the model after model.eval(), or say --ignore randomness to run it without"
      }
    }
  }

  public var kind: Kind
  /// `layer masking`
  public var place: String
  /// What the file asks for, as an error has it.
  public var problem: String
  /// What is done instead, one sentence: said where the user goes on.
  public var note: String

  public init(_ kind: Kind, place: String, _ problem: String, note: String) {
    (self.kind, self.place, self.problem, self.note) = (kind, place, problem, note)
  }

  var error: RNNError { RNNError(.badData, place: place, problem, remedy: kind.remedy) }
}
