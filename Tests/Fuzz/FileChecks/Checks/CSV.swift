import RNNFormats
import RNNModel

extension FileCheck {
  static let csv = FileCheck("csv", seeds: ["csv"]) { bytes in
    let file = InputFile(bytes, name: "fuzz")
    _ = CSVFormat().recognizes(file)
    return try checkArrays(file, as: CSVFormat())
  }
}
