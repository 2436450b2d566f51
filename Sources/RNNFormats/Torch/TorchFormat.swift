import RNNModel

/// PyTorch's files: a state_dict or checkpoint of torch.save (zip, the legacy pickle before 1.6, the tar before that),
/// or a TorchScript archive; and a pickle of NumPy arrays by name.
///
/// Nothing of a pickle is executed; see `PickleMachine`. Sources: torch/serialization.py,
/// torch/_weights_only_unpickler.py, caffe2/serialize/inline_container.cc.
public struct TorchFormat: ModelFormat {
  public let name = "torch"
  public let summary =
    "state_dict, checkpoint, module or TorchScript: zip, legacy pickle or tar; NumPy arrays in a pickle"
  public let writes = "state_dict"
  public var exceptions: String { Self.refusesCells }
  public let fileExtensions = ["pt", "pth"]
  public let holdsStateDict = true

  public init() {}

  public func open(_ file: InputFile, isNamed: Bool) throws(RNNError) -> OpenedFile? {
    if file.withUnsafeBytes(ZipArchive.begins) {
      guard let reader = try TorchZipReader(file, isNamed: isNamed) else { return nil }
      return OpenedFile(holdsSeveral: true, archive: reader.archive)
    }
    if file.withUnsafeBytes(TorchLegacyReader.recognizes) {
      return OpenedFile(holdsSeveral: true, archive: TorchLegacyReader(file).archive)
    }
    if file.withUnsafeBytes(TorchTarReader.recognizes) {
      return OpenedFile(holdsSeveral: true, archive: TorchTarReader(file).archive)
    }
    if let pickle = PickleReader(file) { return OpenedFile(holdsSeveral: true, archive: pickle.archive) }
    guard isNamed else { return nil }
    throw RNNError(
      .badData, "neither a zip archive nor a tar archive of torch.save, nor a pickle",
      remedy: "see \(.formats) for what can be read")
  }

  public func write(_ model: Model, to file: inout OutputFile) throws(RNNError) {
    try TorchWriter(model.archive).write(to: &file)
  }
}
