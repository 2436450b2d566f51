import RNNModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder given instead of a file, with the next step if its contents suggest one.
struct ForeignFolder {
  let error: RNNError

  /// Files that identify a model's folder; files that hold a whole model come first.
  private static let models = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "model.pt", "model.keras", "model.onnx", "checkpoint.pt",
  ]

  /// Nil for a folder that holds no model.
  init?(_ path: String) {
    let folder = path.hasSuffix("/") ? path : path + "/"
    func holds(_ name: String) -> Bool { access((folder + name).systemPath, F_OK) == 0 }
    if holds("saved_model.pb") {
      error = RNNError(.missingInput, "a TensorFlow SavedModel (a folder)",
        remedy: "save the Keras model that it was made from: model.save(\"model.keras\"), or convert it: "
          + "python3 -m tf2onnx.convert --saved-model \(path.shellWord) --output model.onnx")
    } else if holds("Manifest.json"), holds("Data") {
      error = RNNError(.missingInput, "a Core ML package (a folder)",
        remedy: "use the file of the framework or the ONNX file that it was converted from")
    } else if let name = Self.models.first(where: holds) {
      error = RNNError(.missingInput, "a folder", remedy: "name the file in it: \(folder)\(name)")
    } else {
      return nil
    }
  }
}
