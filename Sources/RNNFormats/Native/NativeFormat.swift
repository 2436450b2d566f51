import RNNModel

/// RNNKit's own file: mapped, checked to the byte, with architecture and reference cases inside.
public enum NativeFormat: ModelFormat {
  public static let name = "native"
  public static let summary = "RNNKit's own: mapped, checked to the byte, reference cases inside"
  public static let fileExtensions = ["rnn"]

  public static func recognizes(_ file: InputFile) -> Bool {
    file.withUnsafeBytes { $0.starts(with: NativeHeader.magic) }
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    try NativeReader(file).archive()
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try NativeWriter(model.archive).write(to: &file)
  }
}
