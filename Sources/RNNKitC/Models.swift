import CRNNKit
import RNNKit
import RNNONNX

final class ModelBox {
  let file: ModelFile
  let words: Words
  init(_ file: ModelFile, _ words: Words) { (self.file, self.words) = (file, words) }
}

private func open(_ pointer: UnsafePointer<rnnkit_open_options>?, _ file: () throws(RNNError) -> InputFile) throws(RNNError)
  -> ModelBox
{
  let options = try options(pointer, rnnkit_open_options(), "options")
  var names = NameMapping()
  for rule in try texts(options.renames, options.rename_count, "renames") ?? [] { try names.add(rule) }
  var said = ModelOptions(batchFirst: options.batch_first == 0 ? nil : true, forward: try text(options.forward, "forward"))
  if let name = try text(options.nonlinearity, "nonlinearity") {
    said.nonlinearity = try chosen(name, "nonlinearity", from: [("tanh", .tanh), ("relu", .relu)])
  }
  if let name = try text(options.head_activation, "head_activation") {
    let functions: [Function] = [
      .elementwise(.tanh), .elementwise(.relu), .elementwise(.sigmoid), .softmax, .logSoftmax,
    ]
    said.headActivation = try chosen(name, "head_activation", from: functions.map { ($0.name, $0) })
  }
  for name in try texts(options.ignored, options.ignored_count, "ignored") ?? [] {
    said.ignored.insert(try chosen(name, "ignored", from: Departure.Kind.allCases.map { ($0.rawValue, $0) }))
  }
  said.modules = try texts(options.modules, options.module_count, "modules")
  let format = try text(options.format, "format"), entry = try text(options.state_dict, "state_dict")
  let config = try options.config.map { (pointer) throws(RNNError) in try path(pointer, "config") }
  let mapping = names, model = said, words = try Words(options.words)
  let registry = FormatRegistry.complete(hdf5: try hdf5(timeout: options.timeout))
  return try withoutSignals { () throws(RNNError) in
    let tensors = try TensorFile(file(), as: format, entry: entry, config: config, mapping: mapping, registry: registry)
    let opened = try tensors.model(model)
    return ModelBox(try model.modules.map { (names) throws(RNNError) in try opened.part(names) } ?? opened, words)
  }
}

@c @implementation
public func rnnkit_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<rnnkit_open_options>?, _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let name = try RNNKitC.path(path, "path")
    return try open(options) { () throws(RNNError) in try InputFile(name) }
  }
}

@c @implementation
public func rnnkit_open_memory(
  _ bytes: UnsafeRawPointer?, _ size: Int, _ name: UnsafePointer<CChar>?, _ options: UnsafePointer<rnnkit_open_options>?,
  _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    guard size >= 0 else {
      throw RNNError(.usage, place: "size", "it is \(UInt(bitPattern: size))", remedy: "pass the number of bytes")
    }
    guard bytes != nil || size == 0 else { throw missing("bytes") }
    let name = name.map { String(systemPath: $0) } ?? "memory"
    return try open(options) { () throws(RNNError) in
      InputFile(copying: UnsafeRawBufferPointer(start: bytes, count: size), name: name)
    }
  }
}

@c @implementation
public func rnnkit_model_free(_ model: OpaquePointer?) { release(model, ModelBox.self) }

@c @implementation
public func rnnkit_describe(_ model: OpaquePointer?, _ error: ErrorTarget) -> UnsafeMutablePointer<CChar>? {
  text(error) { () throws(RNNError) in
    let box = try object(model, ModelBox.self, "model")
    return try box.file.report(in: box.words).text
  }
}

@c @implementation
public func rnnkit_model_read(
  _ model: OpaquePointer?, _ caseName: UnsafePointer<CChar>?, _ tensors: UnsafePointer<rnnkit_array>?, _ tensorCount: Int,
  _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let archive = try object(model, ModelBox.self, "model").file.model.archive
    var all = archive.tensors
    if let name = try text(caseName, "case_name") {
      all = try chosen(name, "case_name", from: archive.cases.map { ($0.name, $0.members) })
    }
    try Outputs.fill(CallerArray.list(tensors, tensorCount, "tensors"), from: all)
  }
}

@c @implementation
public func rnnkit_verify(
  _ model: OpaquePointer?, _ holds: UnsafeMutablePointer<Int32>?,
  _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let file = try object(model, ModelBox.self, "model").file
    guard let holds else { throw missing("holds") }
    guard !file.model.archive.cases.isEmpty else {
      throw RNNError(.badData, file: file.path, "has no reference case to replay", remedy: "add one with rnnkit_model_with_case")
    }
    var verifications: [Verification] = []
    for reference in file.model.archive.cases {
      do throws(RNNError) { verifications.append(try Verification(reference, of: file.model)) } catch { throw error.inFile(file.path) }
    }
    if let report { report.pointee = try copy(file.report(verifications).text) }
    holds.pointee = verifications.allSatisfy(\.holds) ? 1 : 0
  }
}

@c @implementation
public func rnnkit_model_with_case(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ members: UnsafePointer<rnnkit_array>?, _ memberCount: Int,
  _ error: ErrorTarget
) -> OpaquePointer? {
  make(error) { () throws(RNNError) in
    let box = try object(model, ModelBox.self, "model")
    var conversion = Conversion(box.file)
    guard let name = try text(name, "name") else { throw missing("name") }
    var tensors: [NamedTensor] = []
    for array in try CallerArray.list(members, memberCount, "members") {
      guard let name = array.name, !tensors.contains(where: { $0.name == name }) else {
        throw RNNError(.usage, place: array.name ?? "members", array.name == nil ? "it has no name" : "it stands twice",
          remedy: "give every member a name of its own: input, output, hn, y")
      }
      tensors.append(NamedTensor(name, try array.tensor(copying: true)))
    }
    try conversion.add(ReferenceCase(name: name, members: tensors))
    return ModelBox(conversion.file, box.words)
  }
}

@c @implementation
public func rnnkit_convert(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<rnnkit_convert_options>?,
  _ report: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ error: ErrorTarget
) -> Int32 {
  attempt(error) { () throws(RNNError) in
    let options = try RNNKitC.options(options, rnnkit_convert_options(), "options")
    let output = try RNNKitC.path(path, "path")
    let registry = FormatRegistry.complete(hdf5: try hdf5(timeout: options.timeout))
    let writer = try registry.writer(for: output, named: text(options.format, "format"))
    let box = try object(model, ModelBox.self, "model")
    var conversion = Conversion(box.file)
    if options.no_cases != 0 { try conversion.removeCases() }
    if let name = try text(options.dtype, "dtype") {
      let types: [(String, ElementType)] = [("f64", .float64), ("f32", .float32), ("f16", .float16), ("bf16", .bfloat16), ("int8", .int8)]
      try conversion.round(to: chosen(name, "dtype", from: types))
    }
    let said = report == nil ? "" : conversion.report(output: output, writer: writer, in: box.words).text
    let result = conversion.model
    try withoutSignals { () throws(RNNError) in
      try result.write(to: output, as: writer.name, replacing: options.force != 0, registry: registry)
    }
    if let report { report.pointee = try copy(said) }
  }
}
