/// What a file asks for that changes the numbers and that RNNKit does not do, or numbers of it that cannot be read:
/// refused, unless the user says to go on without it (`ModelOptions.ignored`).
public struct Departure: Sendable, Hashable {
  /// What a departure is about; its name is what the user may ignore.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Steps that a mask leaves out.
    case masks
    /// Arithmetic in float16 or bfloat16.
    case halfPrecision = "half-precision"
    /// Datasets of an HDF5 file that cannot be read.
    case unreadable
    /// Random numbers while the model runs, as dropout's that is left on.
    case randomness
    /// What a model's own code computes, which cannot be followed.
    case forward

    fileprivate var remedy: Phrase {
      switch self {
      case .masks: "say \(.ignored, rawValue) to run every step; first take the masked ones out, those at a sequence's end by lengths"
      case .halfPrecision: "say \(.ignored, rawValue) to compute in float32"
      case .unreadable: "say \(.ignored, rawValue) to go on without it"
      case .forward:
        "say what is computed with \(.forward), run a part with \(.modules), or say \(.ignored, rawValue) to go on as if the file did not say"
      case .randomness: "save the model after model.eval(), or say \(.ignored, rawValue) to run it without"
      }
    }
  }

  /// What it is about.
  public var kind: Kind
  /// `layer masking`
  public var place: String
  /// What the file asks for, as an error has it.
  public var problem: Phrase
  /// What the file's owner can do about it; nil where there is nothing.
  public var remedy: Phrase?
  /// What is done instead, one sentence: said where the user goes on.
  public var note: Phrase

  public init(_ kind: Kind, place: String, _ problem: Phrase, remedy: Phrase? = nil, note: Phrase) {
    (self.kind, self.place, self.problem, self.remedy, self.note) = (kind, place, problem, remedy, note)
  }

  /// The error, which proposes to go on without only where that can be done.
  package func error(canBeIgnored: Bool = true) -> RNNError {
    let remedies = [remedy, canBeIgnored ? kind.remedy : nil].compactMap { $0 }
    return RNNError(.badData, place: place, problem, remedy: remedies.joined(separator: "; or "))
  }
}
