import RNNFormats
import RNNModel
import RNNRunner

/// A model read from a file, with what had to be assumed on the way.
///
///     let file = try ModelFile.open("model.rnn")
///     let outputs = try Plan(file.model).run(input)
///
/// `import RNNONNX` and `registry: .complete()` for HDF5, Keras and ONNX too.
public struct ModelFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The format's name, `native`.
  public let format: String
  /// The file's length in bytes.
  public let byteCount: Int
  /// The model that was read.
  public let model: Model
  /// Who says what the model computes; nil where nobody does and nothing can be assumed.
  public let source: ForwardSource?
  /// What the reader changed or passed over, and what was assumed; a sentence each.
  public let notes: [Phrase]
  /// The supplied tensors that are a run's members, under their names.
  public let members: [NamedTensor]

  /// Reads, recognises and checks a model file; see `TensorFile` for its two steps.
  ///
  /// - Parameters:
  ///   - path: the file's path.
  ///   - format: the format's name; nil recognises it by content.
  ///   - entry: which of the file's models, where it holds several: a state_dict of a checkpoint, `ema`; a file in a zip,
  ///     tar or gzip archive, `policy.pth`; or both, `policy.pth:ema`. Nil takes the only one, or the only recurrent one.
  ///   - tensors: what goes in with the model's input, under the names the file has for it; see `ModelFormat`.
  ///   - config: the path of the config of a Keras model, its `to_json()`, for a file of its weights alone.
  ///   - mapping: new names for tensors that follow no convention.
  ///   - options: what the file may not say of its model.
  ///   - registry: the formats to try.
  public static func open(
    _ path: String, as format: String? = nil, entry: String? = nil, supplying tensors: [NamedTensor] = [],
    config: String? = nil, mapping: NameMapping = NameMapping(), options: ModelOptions = ModelOptions(), registry: FormatRegistry = .standard
  ) throws(RNNError) -> ModelFile {
    try TensorFile(
      path, as: format, entry: entry, supplying: tensors, config: config, mapping: mapping, registry: registry
    ).model(options)
  }
}

/// What a file holds, before it is found to be a model.
public struct TensorFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The format's name, `native`.
  public let format: String
  /// The file's length in bytes.
  public let byteCount: Int
  /// What the file holds.
  public let archive: TensorArchive
  /// The supplied tensors that are a run's members, under their names.
  public let members: [NamedTensor]

  /// Where elements are unpacked late, what could not be.
  private let failures: LateFailures?

  /// Reads and recognises a file; parameters as those of `ModelFile.open`.
  public init(
    _ path: String, as format: String? = nil, entry: String? = nil, supplying tensors: [NamedTensor] = [],
    config: String? = nil, mapping: NameMapping = NameMapping(), registry: FormatRegistry = .standard
  ) throws(RNNError) {
    try self.init(
      path, as: format, entry: entry, supplying: tensors, config: config, mapping: mapping, registry: registry,
      unpacking: nil)
  }

  /// The same of a file that is open already, or of bytes in memory.
  public init(
    _ file: InputFile, as format: String? = nil, entry: String? = nil, supplying tensors: [NamedTensor] = [],
    config: String? = nil, mapping: NameMapping = NameMapping(), registry: FormatRegistry = .standard
  ) throws(RNNError) {
    try self.init(
      file, as: format, entry: entry, supplying: tensors, config: config, mapping: mapping, registry: registry,
      unpacking: nil)
  }

  /// The same, with `failures` for one who looks at types, shapes and few elements: see `ModelRequest.unpacking`.
  package init(
    _ path: String, as format: String?, entry: String?, entryMayBeUnused: Bool = false, supplying tensors: [NamedTensor],
    config: String? = nil, mapping: NameMapping, registry: FormatRegistry, unpacking failures: LateFailures?
  ) throws(RNNError) {
    try self.init(
      InputFile(path), as: format, entry: entry, entryMayBeUnused: entryMayBeUnused, supplying: tensors, config: config,
      mapping: mapping, registry: registry, unpacking: failures)
  }

  private init(
    _ file: InputFile, as format: String?, entry: String?, entryMayBeUnused: Bool = false, supplying tensors: [NamedTensor],
    config: String?, mapping: NameMapping, registry: FormatRegistry, unpacking failures: LateFailures?
  ) throws(RNNError) {
    self.failures = failures
    let config = try config.map { (path) throws(RNNError) in try JSONValue(config: InputFile(path)) }
    var request = ModelRequest(supplying: tensors)
    (request.entry, request.config, request.unpacking) = (entry, config, failures)
    let opened = try registry.open(file, as: format, request, entryMayBeUnused: entryMayBeUnused)
    do throws(RNNError) {
      let supplied = try opened.read()
      archive = try mapping.apply(to: supplied.archive)
      members = supplied.members
    } catch {
      throw error.inFile(file.path)
    }
    (path, self.format, byteCount) = (file.path, opened.format.name, file.count)
  }

  /// The model that the tensors are. Where neither the file nor the options say what it computes, the forwards that people
  /// write of such modules are tried on the reference cases, and one that reproduces them all is taken; see `ForwardTrial`.
  ///
  /// - Parameters:
  ///   - options: what the file may not say of its model.
  ///   - cases: Gives the reference cases to try them on, by a plan of one of them; nil for the file's own.
  /// - Throws: `badData` where the tensors are no model, `usage` where an option contradicts the file, and what `cases` throws.
  public func model(
    _ options: ModelOptions = ModelOptions(), cases: ((Plan) throws(RNNError) -> [ReferenceCase])? = nil
  ) throws(RNNError) -> ModelFile {
    do throws(RNNError) {
      let interpretation = try Interpretation(archive, options: options).settled(by: cases, archive, options)
      return ModelFile(
        path: path, format: format, byteCount: byteCount, model: interpretation.model, source: interpretation.source,
        notes: archive.notes + interpretation.assumptions, members: members)
    } catch {
      // What was found wrong may come of elements that could not be unpacked.
      do throws(RNNError) { try failures?.check() } catch { throw error.inFile(path) }
      throw error.inFile(path)
    }
  }
}

extension ModelFile {
  /// The file's model restricted to some modules, in the order of application, with notes of what is left out.
  public func part(_ modules: [String]) throws(RNNError) -> ModelFile {
    do throws(RNNError) {
      let part = try ModelPart(modules, of: model)
      return ModelFile(
        path: path, format: format, byteCount: byteCount, model: part.model, source: .option, notes: notes + part.notes, members: members)
    } catch {
      throw error.inFile(path)
    }
  }
}

extension Model {
  /// Writes the model to a file that appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: the file's path.
  ///   - format: the format's name; nil chooses by the path's extension.
  ///   - replacing: whether an existing file may be replaced.
  ///   - hasCode: whether `torchCode()` is written beside it, so that a state_dict may hold what no class of torch.nn
  ///   computes; else that is refused.
  ///   - registry: the formats to choose from.
  public func write(
    to path: String, as format: String? = nil, replacing: Bool = false, hasCode: Bool = false, registry: FormatRegistry = .standard
  ) throws(RNNError) {
    let writer = try registry.writer(for: path, named: format)
    do throws(RNNError) {
      try writer.checkTypes(of: self)
      if !hasCode { try writer.checkClasses(of: self) }
      var file = try OutputFile(path, replacing: replacing)
      try writer.write(self, to: &file)
      try file.commit()
    } catch {
      throw error.inFile(path)
    }
  }
}
