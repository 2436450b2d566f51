/// Words of an error or a note, in which what the user can say stands as a value: whoever shows them names it as the user
/// does, as `--forward 'fc(x)'` in the command and `forward='fc(x)'` in Python.
///
/// Written as text with options in it: `"say what is computed with \(.forward)"`, `"choose \(.modules, ["rnn", "fc"])"`.
public struct Phrase: Sendable, Hashable {
  /// A part of a phrase.
  public enum Piece: Sendable, Hashable {
    /// Text that is the same in every wording.
    case text(String)
    /// What can be said, and the values to say it with; none where any will do.
    case option(UserOption, [String])
  }

  /// Never two texts in a row.
  public private(set) var pieces: [Piece] = []

  /// A phrase of text alone.
  public init(_ text: String) { append(.text(text)) }

  private init() {}

  private mutating func append(_ piece: Piece) {
    guard case .text(let text) = piece else { return pieces.append(piece) }
    guard !text.isEmpty else { return }
    if case .text(let before)? = pieces.last { pieces[pieces.count - 1] = .text(before + text) } else { pieces.append(piece) }
  }

  /// Appends another phrase.
  public static func += (phrase: inout Phrase, more: Phrase) {
    for piece in more.pieces { phrase.append(piece) }
  }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { pieces.isEmpty }

  /// The words as text.
  public func text(in wording: some Wording) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .option(let option, let values): wording.words(for: option, values)
      }
    }.joined()
  }
}

extension Phrase: ExpressibleByStringInterpolation, CustomStringConvertible {
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var phrase = Phrase()

    public init(literalCapacity: Int, interpolationCount: Int) {}

    public mutating func appendLiteral(_ literal: String) { phrase.append(.text(literal)) }

    public mutating func appendInterpolation<Value>(_ value: Value) { phrase.append(.text("\(value)")) }

    public mutating func appendInterpolation(_ more: Phrase) { phrase += more }

    public mutating func appendInterpolation(_ option: UserOption, _ values: [String] = []) {
      phrase.append(.option(option, values))
    }

    public mutating func appendInterpolation(_ option: UserOption, _ value: String) { phrase.append(.option(option, [value])) }
  }

  public init(stringLiteral text: String) { self.init(text) }

  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.phrase }

  /// In the words of Swift's calls.
  public var description: String { text(in: SwiftWording()) }
}

extension Sequence<Phrase> {
  /// All of them, with a text between each and the next.
  public func joined(separator: String) -> Phrase {
    var result: Phrase = ""
    for (index, phrase) in enumerated() {
      if index > 0 { result += Phrase(separator) }
      result += phrase
    }
    return result
  }
}
