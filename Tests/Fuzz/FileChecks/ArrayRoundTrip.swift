import RNNFormats
import RNNModel

/// Reads arrays, and writes them in the same format, which must hold the same ones. False where the bytes are refused.
package func checkArrays(_ file: InputFile, as format: any ArrayFormat) throws -> Bool {
  guard let arrays = try accepted("reading \(format.name)", { try format.read(file) }) else { return false }
  guard let first = arrays.first else { return true }
  let output = ArrayOutput(members: arrays, end: first.tensor, sampleRate: 48_000)
  guard let bytes = try accepted("writing \(format.name)", { try written { try format.write(output, to: &$0) } }) else {
    return true
  }
  let again = try certain("the \(format.name) file written") { try format.read(InputFile(bytes, name: "written")) }
  // A lone array has no name, or the reader's.
  let nameless = format.holdsOneArray
  try requireSame(
    nameless ? [NamedTensor("", first.tensor)] : arrays, nameless ? again.map { NamedTensor("", $0.tensor) } : again,
    "the \(format.name) file written")
  return true
}
