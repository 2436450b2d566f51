import RNNFormats
import RNNModel

extension FileCheck {
  static let safetensors = FileCheck("safetensors", seeds: ["safetensors"]) { bytes in
    try checkModel(InputFile(bytes, name: "fuzz"), as: SafetensorsFormat(), writing: [SafetensorsFormat()])
  }
}
