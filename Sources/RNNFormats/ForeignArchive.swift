import RNNModel

extension ForeignFile {
  /// Identifies a zip archive that no format recognised: another kind of PyTorch file, or an archive of a model file.
  static func archive(_ file: InputFile) -> ForeignFile? {
    let names: [String]
    do throws(RNNError) {
      names = try file.zip().entries.map(\.name)
    } catch {
      return ForeignFile(
        "a zip archive that cannot be read: " + [error.place, "\(error.problem)"].compactMap { $0 }.joined(separator: ": "),
        remedy: error.remedy ?? "get it again")
    }
    if let program = program(names) { return program }
    return ForeignFile(
      names.isEmpty ? "an empty zip archive"
        : "a zip archive without a model that RNNKit reads: it holds \(names.map { "\"\($0)\"" }.listed(atMost: 3))",
      remedy: "see \(.formats) for what can be read")
  }

  /// Identifies a zip archive that is a program's own format, by its members' names.
  static func program(_ names: [String]) -> ForeignFile? {
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
    return nil
  }
}
