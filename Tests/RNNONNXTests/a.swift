import Foundation
import RNNFormats
import RNNModel
import RNNONNX
import Testing

@Test func tryAll() throws {
  for name in try FileManager.default.contentsOfDirectory(atPath: "/tmp/exp").sorted() where name.hasSuffix(".onnx") {
    do {
      let file = try InputFile("/tmp/exp/" + name)
      let archive = try ONNXFormat.read(file)
      let model = try Interpretation(archive).model
      print(name, ONNXFormat.recognizes(file), model.architecture.modules.map { $0.name + ": " + $0.repr(batchFirst: model.architecture.batchFirst) }, archive.tensors.map(\.name))
    } catch {
      print(name, "ERROR", error)
    }
  }
}
