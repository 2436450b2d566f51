import RNNKit

/// What a command writes, and what it reads that its outputs must leave alone.
struct WrittenFiles {
  private var outputs: [(what: String, identity: FileIdentity)] = []

  /// Adds a file to be written. Throws where it is one that was added before, however it is spelled.
  mutating func add(_ what: String, _ path: String) throws(RNNError) {
    guard let identity = FileIdentity(path, standard: 1) else { return }
    try checkIsOther(what, identity, remedy: "choose two")
    outputs.append((what, identity))
  }

  /// Adds standard output, where a command prints its results.
  mutating func addStandardOutput() throws(RNNError) {
    guard let identity = FileIdentity(descriptor: 1) else { return }
    try checkIsOther("standard output", identity, remedy: "send it elsewhere")
  }

  /// Throws where a file that is read would be lost for something else that takes its place.
  func check(input what: String, _ path: String) throws(RNNError) {
    guard let identity = FileIdentity(path, standard: 0) else { return }
    try checkIsOther(what, identity, remedy: "choose another output")
  }

  private func checkIsOther(_ what: String, _ identity: FileIdentity, remedy: String) throws(RNNError) {
    guard let other = outputs.first(where: { $0.identity == identity }) else { return }
    throw RNNError(.usage, "\(other.what) and \(what) name the same file", remedy: remedy)
  }
}
