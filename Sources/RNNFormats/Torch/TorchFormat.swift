import RNNModel

/// PyTorch's files: a state_dict or checkpoint of torch.save (zip, the legacy pickle before 1.6, the tar before that),
/// or a TorchScript archive; and a pickle of NumPy arrays by name.
///
/// Nothing of a pickle is executed; see `PickleMachine`. Sources: torch/serialization.py,
/// torch/_weights_only_unpickler.py, caffe2/serialize/inline_container.cc.
public enum TorchFormat: ModelFormat {
  public static let name = "torch"
  public static let summary =
    "state_dict, checkpoint, module or TorchScript: zip, legacy pickle or tar; NumPy arrays in a pickle"
  public static let writes = "state_dict"
  public static let exceptions = refusesCells
  public static let holdsSeveral = true
  public static let fileExtensions = ["pt", "pth"]
  public static let holdsStateDict = true

  public static func recognizes(_ file: InputFile) -> Bool {
    kind(file) != nil
  }

  public static func read(_ file: InputFile) throws(RNNError) -> TensorArchive {
    switch kind(file) {
    case .zip: return try TorchZipReader(file).archive()
    case .legacy: return try TorchLegacyReader(file).archive()
    case .tar: return try TorchTarReader(file).archive()
    case .pickle: return try PickleReader(file).archive()
    case nil:
      throw RNNError(
        .badData, "neither a zip archive nor a tar archive of torch.save, nor a pickle",
        remedy: "see \(.formats) for what can be read")
    }
  }

  public static func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try TorchWriter(model.archive).write(to: &file)
  }

  private enum Kind { case zip, legacy, tar, pickle }

  private static func kind(_ file: InputFile) -> Kind? {
    file.withUnsafeBytes { bytes in
      if ZipArchive.begins(bytes) { return isTorchZip(bytes, file.storage) ? .zip : nil }
      if TorchLegacyReader.recognizes(bytes) { return .legacy }
      if TorchTarReader.recognizes(bytes) { return .tar }
      return PickleReader.recognizes(file) ? .pickle : nil
    }
  }

  /// A member `<stem>/data.pkl`; in an archive that cannot be read, whose reader will say why, the first member tells.
  private static func isTorchZip(_ bytes: UnsafeRawBufferPointer, _ storage: TensorStorage) -> Bool {
    if let archive = try? ZipArchive(storage, acceptsMissingChecksums: true) {
      return TorchZipReader.stem(of: archive) != nil
    }
    guard bytes.count > 30 else { return false }
    let length = Int(bytes[26]) | Int(bytes[27]) << 8
    let name = String(decoding: bytes[30..<min(30 + length, bytes.count)], as: UTF8.self)
    return name.hasSuffix("/data.pkl") || name.hasSuffix("/data/0")
  }
}
