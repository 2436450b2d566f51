import RNNFormats
import RNNModel
import SwiftProtobuf

/// Writes a model as an ONNX graph that takes any number of steps and sequences.
///
/// Inputs are named as a run's members: `input`, and, each with a default so that it may be left out, `lengths`, `h0`
/// and `c0` (`<module>.h0` in a chain of several recurrent modules). Outputs are `output`, `hn`, `cn` and `y`.
struct ONNXWriter {
  private let model: Model
  private let architecture: Architecture
  /// The type the graph computes in: float64 where a parameter is.
  let type: ElementType

  static let operatorSet = 17
  static let irVersion = 8

  init(_ model: Model) throws(RNNError) {
    self.model = model
    architecture = model.architecture
    type = Self.computedType(model)
    try check()
  }

  static func computedType(_ model: Model) -> ElementType {
    model.parameterNames.contains { model.archive[$0]?.elementType == .float64 } ? .float64 : .float32
  }

  static func refuse(_ module: String, _ problem: String, _ remedy: String = "write another format") -> RNNError {
    RNNError(.badData, place: "module \(module.isEmpty ? "(unnamed)" : module)", problem, remedy: remedy)
  }

  func write(to file: inout OutputFile) throws(RNNError) {
    var proto = ModelProto()
    proto.irVersion = Int64(Self.irVersion)
    proto.producerName = "RNNKit"
    proto.graph = try graph()
    var operators = OperatorSetIdProto()
    operators.domain = ""
    operators.version = Int64(Self.operatorSet)
    proto.opsetImport = [operators]
    let carried = Set(model.carried.map(\.name))
    proto.metadataProps = try ONNXProperties(model.archive, carrying: carried).entries
    let size = model.archive.tensors.reduce(0) { $0 + $1.tensor.byteCount }
    guard size < Int(Int32.max), let bytes: [UInt8] = try? proto.serializedBytes(partial: true),
      bytes.count <= Int(Int32.max)
    else {
      throw RNNError(
        .badData, "the file would be larger than the 2 GiB that protobuf allows", remedy: "write another format")
    }
    try file.write(bytes)
  }

  /// Checks what no graph can express.
  private func check() throws(RNNError) {
    guard architecture.orderKnown else {
      throw RNNError(
        .badData, "the order of its modules is not known, and an ONNX graph needs one",
        remedy: "write another format, or name the modules to convert with --module")
    }
    for (index, module) in architecture.modules.enumerated() {
      if case .unknown = module {
        throw Self.refuse(module.name, "RNNKit does not know what it computes, and an ONNX graph must say it",
          "write another format, or name the modules to convert with --module")
      }
      if index > 0, case .embedding = module {
        throw Self.refuse(module.name, "an embedding follows another module; ONNX takes it first only")
      }
      if case .recurrent(let recurrent) = module { try check(recurrent) }
    }
    if let gap = architecture.gap { throw Self.refuse(gap.module, gap.problem) }
    guard !architecture.recurrentModules.isEmpty, let first = architecture.modules.first,
      let last = architecture.modules.last
    else {
      throw RNNError(.badData, "the model has no recurrent module", remedy: "write another format")
    }
    if architecture.skip > 0 {
      guard let size = last.outputSize, architecture.skip == 1 || architecture.skip == size,
        architecture.skip <= first.inputSize ?? 0,
        architecture.recurrentModules.last?.returnsSequence == true
      else {
        throw RNNError(
          .badData, place: "architecture", "skip is \(architecture.skip), which does not fit the chain's output",
          remedy: "correct the architecture")
      }
    }
    if case .embedding = first, architecture.skip > 0 || architecture.inputGain != 1 {
      throw RNNError(
        .badData, place: "architecture", "skip or input_gain before an embedding", remedy: "correct the architecture")
    }
  }

  private func check(_ module: Recurrent) throws(RNNError) {
    guard module.projSize == 0 else {
      throw Self.refuse(module.name, "ONNX's LSTM has no projection (proj_size=\(module.projSize))")
    }
    // Attributes are float32; float64 models must not lose by it.
    func isExact(_ value: Double) -> Bool { type == .float32 ? Float(value).isFinite : Double(Float(value)) == value }
    for direction in 0..<module.directionCount {
      let activations = module.activations(direction: direction)
      for activation in [activations.gate, activations.candidate, activations.output] {
        if let parameter = activation.parameters.first(where: { !isExact($0.value) }) {
          throw Self.refuse(
            module.name,
            "\(parameter.name)=\(parameter.value) of its \(activation.name) is no float32, which ONNX's attributes are")
        }
      }
    }
    if let clip = module.clip, !isExact(clip) || Float(clip) == 0 {
      throw Self.refuse(module.name, "clip=\(clip) is no float32, which ONNX's attributes are")
    }
  }

  // MARK: The graph

  private func graph() throws(RNNError) -> GraphProto {
    var builder = GraphBuilder()
    let recurrent = architecture.recurrentModules
    let takesIndices: Bool
    if case .embedding? = architecture.modules.first { takesIndices = true } else { takesIndices = false }
    let features = architecture.modules.first?.inputSize ?? 0
    func sequence(_ last: GraphBuilder.Size?) -> [GraphBuilder.Size] {
      (architecture.batchFirst ? [.open("batch"), .open("time")] : [.open("time"), .open("batch")])
        + (last.map { [$0] } ?? [])
    }
    try builder.input("input", takesIndices ? .int64 : type, sequence(takesIndices ? nil : .fixed(features)))
    let endsInOutput = self.endsInOutput
    func member(_ name: String, _ module: Recurrent) -> String {
      recurrent.count == 1 ? name : Model.join(module.name, name)
    }
    let states = recurrent.flatMap { [member("hn", $0)] + ($0.cell == .lstm ? [member("cn", $0)] : []) }
    try builder.reserve(["output"] + states + (endsInOutput ? [] : ["y"]))
    var input = "input"
    if architecture.inputGain != 1 {
      input = builder.node("Mul", [input, builder.constant("input_gain", try inputGain(features))], scope: "")
    }
    if architecture.batchFirst {
      input = builder.node("Transpose", [input], scope: "", [.integers("perm", takesIndices ? [1, 0] : [1, 0, 2])])
    }
    let sizes = builder.node("Shape", [input], scope: "")
    let batch = builder.node("Gather", [sizes, builder.integers([1])], scope: "", [.integer("axis", 0)])
    let lengths = try lengths(&builder, sizes, batch)

    var value = input
    var isSequence = true
    var number = 0
    for module in architecture.modules {
      switch module {
      case .recurrent(let module):
        number += 1
        let isLast = number == recurrent.count
        let layers = RecurrentWriter(
          model: model, module: module, type: type, states: ["h0", "c0", "hn", "cn"].map { member($0, module) })
        let (output, end) = try layers.write(value, lengths: lengths, batch: batch, &builder)
        if isLast {
          // The chain may go on, or end here with a skip or gain that y alone has.
          value = output
          _ =
            architecture.batchFirst
            ? builder.node("Transpose", [output], scope: "", [.integers("perm", [1, 0, 2])], output: "output")
            : builder.node("Identity", [output], scope: "", output: "output")
          builder.output("output", type, sequence(.fixed(module.outputSize)))
        }
        value = end
        isSequence = module.returnsSequence
        builder.output(
          member("hn", module), type,
          [.fixed(module.numLayers * module.directionCount), .open("batch"), .fixed(module.hiddenSize)])
        if module.cell == .lstm {
          builder.output(
            member("cn", module), type,
            [.fixed(module.numLayers * module.directionCount), .open("batch"), .fixed(module.hiddenSize)])
        }
      case .linear(let module):
        value = try LinearWriter(model: model, module: module, type: type).write(value, &builder)
      case .embedding(let module):
        guard let table = model.tensor(module.name, "weight") else {
          throw Self.refuse(module.name, "its table is missing")
        }
        let scope = Self.scope(module.name)
        let weight = builder.weight(Model.join(module.name, "weight"), table, as: type, scope: scope)
        value = builder.node("Gather", [weight, value], scope: scope, [.integer("axis", 0)])
      case .unknown: break
      }
    }
    if !endsInOutput { try end(&builder, value, input, isSequence: isSequence, sequence) }
    return builder.graph
  }

  /// Whether the chain ends in `output` itself.
  private var endsInOutput: Bool {
    guard case .recurrent(let module)? = architecture.modules.last else { return false }
    return module.returnsSequence && architecture.skip == 0 && architecture.outputGain == 1
  }

  /// `lengths`, by default longer than any sequence, as int32 of at most the number of steps.
  private func lengths(_ builder: inout GraphBuilder, _ sizes: String, _ batch: String) throws(RNNError) -> String {
    let whole = Shape([1]).flatMap { Tensor([Int64.max], $0) }
    try builder.input("lengths", .int64, [.open("lengths_batch")], default: whole)
    let time = builder.node("Gather", [sizes, builder.integers([0])], scope: "", [.integer("axis", 0)])
    let each = builder.node("Expand", ["lengths", batch], scope: "")
    let bounded = builder.node("Min", [each, time], scope: "")
    return builder.node("Cast", [bounded], scope: "", [.integer("to", Int(ElementTypeCode.code(.int32)))])
  }

  /// Skip, gain and layout of `y`.
  private func end(
    _ builder: inout GraphBuilder, _ value: String, _ input: String, isSequence: Bool,
    _ sequence: (GraphBuilder.Size?) -> [GraphBuilder.Size]
  ) throws(RNNError) {
    var value = value
    let size = architecture.modules.last?.outputSize ?? 0
    if architecture.skip > 0 {
      var part = input
      if architecture.skip < architecture.modules.first?.inputSize ?? 0 {
        part = builder.node(
          "Slice", [input, builder.integers([0]), builder.integers([architecture.skip]), builder.integers([2])],
          scope: "")
      }
      value = builder.node("Add", [value, part], scope: "")
    }
    if architecture.outputGain != 1 {
      value = builder.node(
        "Mul", [value, builder.constant("output_gain", try number(architecture.outputGain))], scope: "")
    }
    if isSequence, architecture.batchFirst {
      _ = builder.node("Transpose", [value], scope: "", [.integers("perm", [1, 0, 2])], output: "y")
    } else {
      _ = builder.node("Identity", [value], scope: "", output: "y")
    }
    builder.output("y", type, isSequence ? sequence(.fixed(size)) : [.open("batch"), .fixed(size)])
  }

  private func number(_ value: Double) throws(RNNError) -> Tensor { try Self.number(value, type) }

  /// The factor on the input, or one for each feature.
  private func inputGain(_ features: Int) throws(RNNError) -> Tensor {
    guard let gained = architecture.inputGainFeatures, gained < features else { return try number(architecture.inputGain) }
    let factors = (0..<features).map { $0 < gained ? architecture.inputGain : 1 }
    let tensor = Shape([features]).flatMap { type == .float64 ? Tensor(factors, $0) : Tensor(factors.map(Float.init), $0) }
    guard let tensor else { throw RNNError(.defect, "factors that no tensor holds") }
    return tensor
  }

  /// A number without axes.
  static func number(_ value: Double, _ type: ElementType) throws(RNNError) -> Tensor {
    let tensor = Shape([]).flatMap { shape in
      type == .float64 ? Tensor([value], shape) : Tensor([Float(value)], shape)
    }
    guard let tensor else { throw RNNError(.defect, "a number that no tensor holds") }
    return tensor
  }

  /// `/encoder/rnn` for the module `encoder.rnn`, as PyTorch's exporter names nodes.
  static func scope(_ module: String) -> String {
    module.isEmpty ? "" : "/" + module.split(separator: ".").joined(separator: "/")
  }
}
