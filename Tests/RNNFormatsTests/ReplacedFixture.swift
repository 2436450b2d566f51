import RNNFormats
import RNNModel

extension Fixture {
  /// A text file with the first place that reads `old` changed.
  static func file(_ name: String, replacing old: String, with new: String) throws -> InputFile {
    let text = String(decoding: try file(name).withUnsafeBytes { Array($0) }, as: UTF8.self)
    let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw RNNError(.defect, file: name, "the fixture has no \(old)") }
    return InputFile(Array((parts[0] + new + parts[1]).utf8), name: name)
  }
}

/// The error of an action that must be refused; nil, which no test expects, where it is not.
func error(of body: () throws -> Void) -> RNNError? {
  do {
    try body()
    return nil
  } catch {
    return error as? RNNError
  }
}
