import RNNFormats
import RNNModel

/// A file under Tests/Fixtures.
func fixture(_ path: String) throws -> InputFile {
  try InputFile("/\(tests)/Fixtures/\(path)")
}

private let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")

/// A fixture's text with some of it replaced, as a file.
func fixture(_ path: String, replacing old: String, with new: String) throws -> InputFile {
  let text = String(decoding: try fixture(path).withUnsafeBytes { Array($0) }, as: UTF8.self)
  let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2 else { throw RNNError(.defect, file: path, "the fixture has no \(old)") }
  return InputFile(Array((parts[0] + new + parts[1]).utf8), name: path)
}
