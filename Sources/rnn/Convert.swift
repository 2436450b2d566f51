import ArgumentParser
import RNNKit

struct Convert: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Converts a model to another format, bit for bit.",
    discussion: """
      Every tensor is carried along, those that are no part of the recurrent model too, with metadata and reference \
      cases. What was mapped, assumed or carried is said on standard error. The output appears whole or not at all.

        rnn convert model.h5 model.rnn
        rnn convert dump.h5 model.rnn --nonlinearity relu --case outputs.npz
        rnn convert model.pt model.rnn --case input=x.npy --case y=y.npy
        rnn convert odd.h5 model.rnn --mapping names.json
        rnn convert whole.h5 part.onnx --module rnn --module head
        rnn convert model.keras model.pt --code model.py
      """)

  @Argument(help: "The model file to read.", completion: Completions.model) var input: String
  @Argument(help: "The file to write; its extension tells the format.", completion: Completions.model) var output: String
  @Option(help: ArgumentHelp("Write this format, whatever the output's extension.", valueName: "format"), completion: Completions.writers)
  var to: String?
  @Option(help: ArgumentHelp("Round the parameters to this type, to nearest even; int8 is of recurrent, linear and embedding weights, with a scale for each row.", valueName: "type"))
  var dtype: DType?
  @Option(
    name: .customLong("case"),
    help: ArgumentHelp(
      "Add a reference case: a file of arrays with input, h0, … and the outputs its framework gave, or an array of one, name=file. Repeatable.",
      valueName: "file"), completion: Completions.arrays)
  var cases: [String] = []
  @Option(help: ArgumentHelp(
    "Write the model's PyTorch class too, which load_state_dict of the output's tensors makes whole.", valueName: "file.py"), completion: .file(extensions: ["py"]))
  var code: String?
  @Flag(help: "Leave the model's reference cases out.") var noCases = false
  @Flag(name: .shortAndLong, help: "Replace an existing output.") var force = false
  @Flag(help: "Say it as JSON on standard output (Schemas/convert.schema.json).") var json = false
  @OptionGroup var part: PartArguments
  @OptionGroup var talk: TalkArguments
  @OptionGroup var model: ModelArguments

  enum DType: String, ExpressibleByArgument, CaseIterable {
    case f64, f32, f16, bf16, int8

    var elementType: ElementType {
      switch self {
      case .f64: .float64
      case .f32: .float32
      case .f16: .float16
      case .bf16: .bfloat16
      case .int8: .int8
      }
    }
  }

  func validate() throws {
    if let to { try ModelArguments.checkFormat(to) }
    guard output != "-" || !json else {
      throw ValidationError("--json and the output both take standard output: name a file")
    }
    guard code != "-" else { throw ValidationError("--code names a file") }
  }

  func run() throws {
    let cases = try CaseFiles(self.cases)
    // What could not be written is refused before anything large is read.
    try checkOutputs(cases)
    var target = try OutputFile(output, replacing: force)
    let writer = try model.registry.writer(for: output, named: to)
    var codeTarget: OutputFile?
    if let code {
      guard writer.holdsStateDict else {
        throw RNNError(.usage, "--code is the class of a state_dict, and \(writer.name) holds none",
          remedy: "name an output that ends in .pt, .safetensors or .npz")
      }
      codeTarget = try OutputFile(code, replacing: force)
    }
    var file = try model.open(input, modules: part.names, cases: cases, quiet: true)
    if let names = part.names { file = try file.part(names) }
    var conversion = Conversion(file)
    if noCases { try conversion.removeCases() }
    if let dtype { try conversion.round(to: dtype.elementType) }
    if file.source == nil, file.model.architecture.forward == nil, let problem = file.model.suggestion?.problem {
      conversion.note("no forward is written: \(problem); \(.inspect) shows lines that may be meant, for \(.forward)")
    }
    let plan = cases.isEmpty ? nil : try? Plan(file.model)
    for (reference, files) in zip(try cases.read(for: plan, model.hdf5), cases.groups) {
      do throws(RNNError) { try conversion.add(reference) } catch { throw error.inFile(files[0].path) }
    }
    let archive = conversion.model.archive
    let bytes = (archive.tensors + archive.cases.flatMap(\.members)).reduce(0) { $0 + $1.tensor.byteCount }
    let progress = Progress("converting", .bytes(bytes))
    defer { progress.end() }
    do throws(RNNError) {
      try writer.checkTypes(of: conversion.model)
      if code == nil { try writer.checkClasses(of: conversion.model) }
      try codeTarget?.write(Array(conversion.model.torchCode().utf8))
      try codeTarget?.finish()
      try writer.write(conversion.model, to: &target)
      try target.finish()
    } catch {
      throw error.inFile(output)
    }
    progress.end()
    // A report that nobody takes leaves no output behind.
    if json { Console.document(conversion.report(output: output, writer: writer, in: CommandWording()).indentedText + "\n") }
    if var other = codeTarget.take() { try OutputFile.publish(&target, &other) } else { try target.publish() }
    if !json, !talk.quiet {
      for note in conversion.notes(writing: writer, inBrief: !talk.verbose) { Console.note(note) }
      let (tensors, cases) = conversion.counts(writing: writer)
      let holds = "\(counted(tensors, "tensor")), \(counted(cases, "case"))"
      Console.error(
        "\(input) (\(file.format)) -> \(output) (\(writer.name)): \(holds)".escapingControlCharacters())
    }
  }

  /// Refuses an output that would take the place of something other than the model itself.
  private func checkOutputs(_ cases: CaseFiles) throws(RNNError) {
    var outputs = WrittenFiles()
    try outputs.add("the output", output)
    if let code { try outputs.add("--code", code) }
    if json { try outputs.addStandardOutput() }
    for path in cases.paths { try outputs.check(input: "--case", path) }
    if let mapping = model.mapping { try outputs.check(input: "--mapping", mapping) }
  }
}
