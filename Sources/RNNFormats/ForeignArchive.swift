import RNNModel

extension ForeignFile {
  /// What a zip archive is that no format has taken: something of PyTorch's own, or one that holds a model's file.
  static func archive(_ storage: TensorStorage) -> ForeignFile? {
    let names: [String]
    do throws(RNNError) {
      names = try ZipArchive(storage, acceptsMissingChecksums: true).entries.map(\.name)
    } catch {
      return ForeignFile(
        "a zip archive that cannot be read: " + [error.place, error.problem].compactMap { $0 }.joined(separator: ": "),
        remedy: error.remedy ?? "get it again")
    }
    func has(_ part: String) -> Bool { names.contains { $0 == part || $0.hasSuffix("/" + part) } }
    if names.contains(where: { $0.contains("data/aotinductor/") }) {
      return ForeignFile(
        "a program of PyTorch's AOTInductor, whose weights are part of machine code",
        remedy: "use the model that it was compiled from: torch.save(model.state_dict(), \"model.pt\")")
    }
    if has("archive_format") && names.contains(where: { $0.contains("models/") }) || has("serialized_exported_program.json") {
      return ForeignFile(
        "a program of torch.export (.pt2)",
        remedy: "in PyTorch: torch.save(torch.export.load(FILE).state_dict, \"model.pt\")")
    }
    if has("com.apple.CoreML/model.mlmodel") || has("Manifest.json") && names.contains(where: { $0.contains("com.apple.CoreML") }) {
      return ForeignFile("a Core ML package", remedy: "use the model that it was converted from")
    }
    // The weights before the rest, and the most likely ones first.
    let found = fileExtensions.lazy.compactMap { suffix in names.first { $0.lowercased().hasSuffix(suffix) } }.first
    guard let found else {
      let some = names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ")
      return ForeignFile(
        names.isEmpty ? "an empty zip archive" : "a zip archive, of \(some)\(names.count > 3 ? " and others" : "")",
        remedy: "unpack it and give the model's own file, if it has one: unzip FILE")
    }
    let maker = has("_stable_baselines3_version") ? "a model of Stable-Baselines3, a zip archive" : "a zip archive"
    return ForeignFile(
      "\(maker) with \"\(found)\" in it", remedy: "unpack that and give it: unzip FILE \"\(found)\"")
  }

  private static let fileExtensions = [
    "policy.pth", ".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".keras", ".weights.h5", ".h5", ".hdf5", ".onnx", ".npz",
    ".rnn", ".nam", ".aidax", ".pkl", ".pb", ".tflite", ".json", ".npy",
  ]
}
