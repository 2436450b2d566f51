import CRNNKit
import RNNKit

/// A struct of options as far as the caller has it, the rest zeros: a caller may be older than this library, or newer if it
/// asks for nothing that is new.
func options<Options>(
  _ pointer: UnsafePointer<Options>?, _ zeros: Options, _ name: String
) throws(RNNError) -> Options {
  guard let pointer else { return zeros }
  let size = UnsafeRawPointer(pointer).loadUnaligned(as: Int.self), known = MemoryLayout<Options>.size
  guard size >= MemoryLayout<Int>.size, size <= 1 << 16 else {
    throw RNNError(.usage, place: name, "its struct_size is \(size)", remedy: "set it to sizeof, \(known)")
  }
  let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
  guard bytes.dropFirst(known).allSatisfy({ $0 == 0 }) else {
    throw RNNError(.usage, place: name, "it asks for what this version of the library does not have",
      remedy: "use a newer library, or leave the members at 0 that are not in its header")
  }
  var result = zeros
  withUnsafeMutableBytes(of: &result) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(known))) }
  return result
}

/// Text of C's; nil for NULL. Throws where it is no UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ name: @autoclosure () -> String) throws(RNNError) -> String? {
  guard let pointer else { return nil }
  guard let text = String(validatingCString: pointer) else {
    throw RNNError(.usage, place: name(), "it is not UTF-8", remedy: "pass UTF-8")
  }
  return text
}

/// A path of C's. `-` is a file.
func path(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(RNNError) -> String {
  guard let pointer else { throw missing(name) }
  let path = String(systemPath: pointer)
  return path == "-" ? "./-" : path
}

/// Texts; nil where there are none.
func texts(
  _ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ name: String
) throws(RNNError) -> [String]? {
  guard count != 0 else { return nil }
  try check(count, name)
  guard let pointer else { throw missing(name) }
  var result: [String] = []
  for index in 0..<count {
    guard let text = try text(pointer[index], name) else { throw missing("\(name)[\(index)]") }
    result.append(text)
  }
  return result
}

/// Throws for a count that no array of structs in memory has.
func check(_ count: Int, _ name: String) throws(RNNError) {
  guard (0...Limits.maximumTensorCount).contains(count) else {
    throw RNNError(.usage, place: name, "there are \(UInt(bitPattern: count)) of them, more than \(Limits.maximumTensorCount)",
      remedy: "correct the count")
  }
}

/// HDF5 with a limit of time; 0 is the usual one.
func hdf5(timeout seconds: Int32) throws(RNNError) -> HDF5Process {
  guard (0...86400).contains(seconds) else {
    throw RNNError(.usage, place: "timeout", "it is \(seconds) seconds", remedy: "use 1 to 86400, or 0 for \(Limits.maximumHDF5Seconds)")
  }
  return HDF5Process(timeout: seconds == 0 ? Limits.maximumHDF5Seconds : Int(seconds))
}

/// The member of that name. Throws with all names where there is none.
func chosen<Value>(_ name: String, _ option: String, from values: [(String, Value)]) throws(RNNError) -> Value {
  guard let found = values.first(where: { $0.0 == name }) else {
    throw RNNError(.usage, place: option, "\"\(name)\" is none", remedy: "use one of \(values.map(\.0).joined(separator: ", "))")
  }
  return found.1
}
