import RNNModel

/// RNNKit's own file: mapped, checked to the byte, with architecture and reference cases inside.
public struct NativeFormat: ModelFormat {
  public let name = "native"
  public let summary = "RNNKit's own: mapped, checked to the byte, reference cases inside"
  public let fileExtensions = ["rnn"]
  public let holdsQuantized = true

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    guard isNamed || file.withUnsafeBytes({ $0.starts(with: NativeHeader.magic) }) else { return nil }
    return OpenedFile { (_) throws(RNNError) in try NativeReader(file).archive() }
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try NativeWriter(model.archive).write(to: &file)
  }
}
