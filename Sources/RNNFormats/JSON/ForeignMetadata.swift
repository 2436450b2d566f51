import RNNModel

extension TensorArchive {
  /// Keeps a file's metadata and what else stands beside its layers, the metadata as one member where a key would stand
  /// twice. Keys that do not plainly describe the model are named: their writer may have meant them to change what it
  /// computes.
  mutating func keep(metadata: [JSONValue.Member], beside others: [JSONValue.Member]) {
    let keys = Set(others.map(\.key))
    let isTwice = metadata.contains { keys.contains($0.key) }
    self.metadata = isTwice ? [.init("metadata", .object(metadata))] + others : metadata + others
    let strangers = others.map(\.key).filter { !Self.descriptive.contains($0.lowercased()) }
    guard !strangers.isEmpty else { return }
    notes.append("carried, not understood: \(strangers.listed(atMost: 8))")
  }

  /// Keys that say how a model came about or what it is of, and never what it computes.
  private static let descriptive: Set = [
    "author", "authors", "comment", "comments", "copyright", "created", "created_at", "created_by", "date",
    "description", "epoch", "epochs", "esr", "gear", "id", "license", "loss", "losses", "make", "metadata",
    "model_name", "modeled_by", "name", "notes", "sample_rate", "samplerate", "source", "tags", "title", "training",
    "training_info", "url", "uuid", "validation", "version",
  ]
}
