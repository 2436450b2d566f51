import RNNFormats
import RNNModel

extension FileCheck {
  static let sound = FileCheck("sound", seeds: ["wav"]) { bytes in
    let file = InputFile(bytes, name: "fuzz")
    _ = WAVFormat().recognizes(file)
    return try checkArrays(file, as: WAVFormat())
  }
}
