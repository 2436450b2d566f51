/// Why something was refused: what, where, what was expected and what to do about it.
///
/// One type serves every module, so that a message is worded in one place and a program can act on `kind`.
public struct RNNError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The reason in a program's terms.
  public enum Kind: String, Sendable, CaseIterable {
    /// What the user says contradicts itself or the file.
    case usage
    /// The data is damaged, contradicts itself, or is not supported.
    case badData
    /// A file that was to be read is missing or may not be read.
    case missingInput
    /// A defect of RNNKit.
    case defect
    /// The output cannot be created.
    case cannotCreate
    /// Reading or writing failed half-way.
    case inputOutput
  }

  /// The kind of error, which decides the exit status of the command.
  public var kind: Kind
  /// The file as the user named it.
  public var file: String?
  /// Where in the file: a tensor, an offset, a key.
  public var place: String?
  /// What is wrong, with what was found and what was expected.
  public var problem: Phrase
  /// What the user can do.
  public var remedy: Phrase?

  /// Makes an error: what is wrong, where, and what to do.
  public init(_ kind: Kind, file: String? = nil, place: String? = nil, _ problem: Phrase, remedy: Phrase? = nil) {
    self.kind = kind
    self.file = file
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  // Literals are phrases, so that options in phrases within them are kept.
  @_disfavoredOverload
  public init(_ kind: Kind, file: String? = nil, place: String? = nil, _ problem: String, remedy: String? = nil) {
    self.init(kind, file: file, place: place, Phrase(problem), remedy: remedy.map { Phrase($0) })
  }

  /// The same error with the file named, where it was not yet.
  public func inFile(_ name: String) -> RNNError {
    var copy = self
    if copy.file == nil { copy.file = name }
    return copy
  }

  /// `model.rnn: tensor rnn.weight_hh_l0: checksum differs …; copy the file again`, always one line, and no longer than
  /// names within the limits make it.
  public func text(in wording: some Wording) -> String {
    let head = [file, place, problem.text(in: wording)].compactMap { $0?.shortened }.joined(separator: ": ")
    return (remedy.map { "\(head); \($0.text(in: wording))" } ?? head).escapingControlCharacters()
  }

  /// In the words of Swift's calls.
  public var description: String { text(in: SwiftWording()) }
}

extension Phrase.StringInterpolation {
  /// The whole error, as `RNNError.text` has it.
  public mutating func appendInterpolation(_ error: RNNError) {
    for part in [error.file, error.place] { if let part { appendLiteral("\(part): ") } }
    appendInterpolation(error.problem)
    if let remedy = error.remedy { appendInterpolation("; \(remedy)" as Phrase) }
  }
}

extension String {
  /// The text, cut where it is longer than any name may be: a hostile file's words can be as long as the file.
  fileprivate var shortened: String {
    guard utf8.count > 2 * Limits.maximumNameLength else { return self }
    return String(unicodeScalars.prefix(Limits.maximumNameLength / 4)) + "…"
  }

  /// The text on one line: control characters, which a hostile file may put into names, as `\u{…}`, and bytes of file
  /// names that are not UTF-8 as `\xff`.
  public func escapingControlCharacters(except allowed: Unicode.Scalar? = nil) -> String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0..<0x20, 0x7F...0x9F: scalar != allowed
      // Ends of lines and paragraphs, and what turns the direction of writing.
      case 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
      default: Self.carriesByte(scalar)
      }
    }
    guard unicodeScalars.contains(where: isControl) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if isControl(scalar) {
        result += scalar == "\n" ? "\\n" : Self.carriesByte(scalar) ? Self.escape(of: scalar)
          : "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
