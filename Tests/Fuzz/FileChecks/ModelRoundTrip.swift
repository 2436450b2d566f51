import RNNFormats
import RNNModel
import RNNONNX

/// Reads a model, writes it in each of `formats`, and reads those files.
///
/// What a format wrote it must read, and write again to the same bytes. A native file must hold all that was read.
/// False where the bytes, or what they mean, are refused.
package func checkModel(
  _ file: InputFile, as format: any ModelFormat, writing formats: [any ModelFormat]
) throws -> Bool {
  guard let archive = try accepted("reading \(format.name)", { try format.read(file) }) else { return false }
  return try checkModel(archive, writing: formats)
}

package func checkModel(_ archive: TensorArchive, writing formats: [any ModelFormat]) throws -> Bool {
  guard let model = try accepted("interpretation", { try Interpretation(archive).model }) else { return false }
  try checkNative(model)
  for format in formats { try checkFixedPoint(of: model, in: format) }
  return true
}

/// One of `everyFormat`, another for bytes of another length: all of them for each would be slow.
package func someFormat(for bytes: [UInt8]) -> any ModelFormat { everyFormat[bytes.count % everyFormat.count] }

/// Every format that can be written without another process.
package let everyFormat: [any ModelFormat] =
  FormatRegistry.standard.formats.filter { $0.canWrite } + [
    HDF5Format(TreeMessage()), KerasH5Format(TreeMessage()), KerasFormat(TreeMessage()),
    ONNXFormat(),
  ]

private func checkNative(_ model: Model) throws {
  func write(_ model: Model) throws -> [UInt8] { try written { try NativeFormat().write(model, to: &$0) } }
  guard let bytes = try accepted("writing native", { try write(model) }) else { return }
  let again = try certain("the native file") {
    try Interpretation(NativeFormat().read(InputFile(bytes, name: "native"))).model
  }
  try require(again.architecture == model.architecture, "the native file has another architecture")
  let (old, new) = (model.archive, again.archive)
  try requireSame(old.tensors, new.tensors, "the native file")
  try require(old.isOrdered == new.isOrdered, "the native file has another order")
  try require(text(old.metadata) == text(new.metadata), "the native file has other metadata")
  try require(old.cases.map(\.name) == new.cases.map(\.name), "the native file has other cases")
  for (old, new) in zip(old.cases, new.cases) {
    try requireSame(old.members, new.members, "case \(old.name) of the native file")
    try require(text(old.metadata) == text(new.metadata), "a case of the native file has other metadata")
  }
  try require(try write(again) == bytes, "a native file written again differs")
}

/// Numbers that JSON lacks become texts, which are no others once they are.
private func text(_ metadata: [JSONValue.Member]) -> String { JSONValue.object(metadata).text }

/// That two lists of tensors have the same names, types, shapes and bits.
package func requireSame(_ old: [NamedTensor], _ new: [NamedTensor], _ what: String) throws {
  try require(old.map(\.name) == new.map(\.name), "\(what) has other names")
  for (old, new) in zip(old, new) {
    try require(old.tensor.isIdentical(to: new.tensor), "\(what) has another \(old.name)")
  }
}

private func checkFixedPoint(of model: Model, in format: any ModelFormat) throws {
  func write(_ model: Model) throws -> [UInt8] { try written { try format.write(model, to: &$0) } }
  guard let bytes = try accepted("writing \(format.name)", { try write(model) }) else { return }
  let again = try certain("the \(format.name) file written") {
    try Interpretation(format.read(InputFile(bytes, name: "written"))).model
  }
  let rewritten = try certain("writing the \(format.name) file again") { try write(again) }
  try require(rewritten == bytes, "the \(format.name) file written again differs")
}
