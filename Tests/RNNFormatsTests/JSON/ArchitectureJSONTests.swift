import RNNFormats
import RNNModel
import Testing

@Suite struct ArchitectureJSONTests {
  static let activations: [Activation] = [
    .identity, .sigmoid, .tanh, .relu, .hardSigmoidKeras2, .hardSigmoidKeras3, .hardSigmoid(alpha: -1, beta: 1e-300),
    .leakyReLU(alpha: 0.01), .thresholdedReLU(alpha: 1), .scaledTanh(alpha: 1.7159, beta: 2.0 / 3.0), .elu(alpha: -0.0),
    .softsign, .softplus, .affine(alpha: 2, beta: -3), .silu, .gelu, .geluTanh,
    .clip(min: -.greatestFiniteMagnitude, max: 6), .exp, .log, .sqrt, .abs,
  ]

  static let modules: [Module] = {
    let cells: [Recurrent.Cell] = [.rnn, .lstm, .gru]
    let odd = Recurrent.Activations(gate: .hardSigmoidKeras2, candidate: .relu, output: .softsign)
    var modules: [Module] = []
    func add(_ cell: Recurrent.Cell, _ change: (inout Recurrent) -> Void) {
      var module = Recurrent(name: "m", cell: cell, inputSize: 3, hiddenSize: 5)
      change(&module)
      // What a cell does not use it does not write.
      if cell == .rnn {
        module.activations = Recurrent.Activations(candidate: module.activations.candidate)
        module.reverseActivations = module.reverseActivations.map { Recurrent.Activations(candidate: $0.candidate) }
      }
      modules.append(.recurrent(module))
    }
    for cell in cells {
      add(cell) { _ in }
      add(cell) { $0.name = "" }
      add(cell) { $0.name = "a.b \"é\"\n" }
      add(cell) { $0.numLayers = 4096 }
      add(cell) { $0.bias = false }
      add(cell) { $0.direction = .bidirectional }
      add(cell) { $0.direction = .reverse }
      add(cell) { $0.activations = odd }
      add(cell) { ($0.direction, $0.reverseActivations) = (.bidirectional, odd) }
      add(cell) { $0.clip = 3 }
      add(cell) { $0.hasInitialState = true }
      add(cell) { $0.isCell = true }
      add(cell) { ($0.isCell, $0.bias, $0.activations) = (true, false, odd) }
    }
    add(.lstm) { $0.projSize = 4 }
    add(.lstm) { ($0.inputForget, $0.peephole) = (true, true) }
    add(.lstm) { ($0.isCell, $0.inputForget, $0.peephole) = (true, true, true) }
    add(.gru) { $0.resetAfter = false }
    add(.gru) { ($0.isCell, $0.resetAfter) = (true, false) }
    modules.append(.linear(Linear(name: "fc", inFeatures: 5, outFeatures: 1)))
    modules.append(.prelu(PReLU(name: "act", numParameters: 5)))
    modules.append(.linear(Linear(name: "fc", inFeatures: 5, outFeatures: 1, bias: false)))
    modules.append(.embedding(Embedding(name: "e", numEmbeddings: 10, embeddingDim: 4)))
    modules.append(.embedding(Embedding(name: "e", numEmbeddings: 10, embeddingDim: 4, paddingIndex: 0)))
    modules.append(.unknown(UnknownModule(name: "conv", tensorNames: ["conv.weight", "conv.bias"])))
    modules.append(.unknown(UnknownModule(name: "", tensorNames: [])))
    return modules
  }()

  private func read(_ text: String) throws -> Architecture { try Architecture(json: JSONValue(parsing: text)) }

  @Test func comesBackWithEveryModuleAndOption() throws {
    for module in Self.modules {
      let architecture = Architecture(modules: [module])
      #expect(try read(architecture.json.text) == architecture)
    }
    for activation in Self.activations {
      let module = Recurrent(
        name: "m", cell: .lstm, inputSize: 1, hiddenSize: 1,
        activations: .init(gate: activation, candidate: .identity, output: activation))
      let architecture = Architecture(modules: [.recurrent(module)])
      #expect(try read(architecture.json.text) == architecture)
    }
    let whole = Architecture(
      modules: Self.modules.enumerated().map { $1.named("\($1.name)\($0)") }, forward: nil, batchFirst: true)
    #expect(try read(whole.json.text) == whole)
    for function in [.softmax, .logSoftmax] + Self.activations.map({ Function.elementwise($0) }) {
      let link = Link(.linear(Linear(name: "fc", inFeatures: 5, outFeatures: 1)), functions: [function])
      var frame = Frame(skip: 1)
      (frame.inputGain, frame.gainedFeatures, frame.outputGain) = (0.1, 1, -1e300)
      let framed = try Architecture([link], in: frame, batchFirst: true)
      #expect(try read(framed.json.text) == framed, "\(framed.json.text)")
    }
    #expect(try read(Architecture(modules: []).json.text) == Architecture(modules: []))
  }

  @Test func hasPyTorchsDefaults() throws {
    let read = try read("""
      {"modules":[{"type":"LSTM","name":"l","input_size":3,"hidden_size":5},
      {"type":"RNNCell","name":"c","input_size":5,"hidden_size":5},
      {"type":"GRU","name":"g","input_size":5,"hidden_size":5},
      {"type":"Linear","name":"fc","in_features":5,"out_features":1},
      {"type":"Embedding","name":"e","num_embeddings":3,"embedding_dim":2}]}
      """)
    #expect(read == Architecture(modules: [
      .recurrent(Recurrent(name: "l", cell: .lstm, inputSize: 3, hiddenSize: 5)),
      .recurrent(Recurrent(name: "c", cell: .rnn, inputSize: 5, hiddenSize: 5, isCell: true)),
      .recurrent(Recurrent(name: "g", cell: .gru, inputSize: 5, hiddenSize: 5)),
      .linear(Linear(name: "fc", inFeatures: 5, outFeatures: 1)),
      .embedding(Embedding(name: "e", numEmbeddings: 3, embeddingDim: 2)),
    ], forward: nil))
  }

  /// Version 1 says with flags what version 2 says with a forward.
  @Test(arguments: [
    (#"{"modules":[LSTM,HEAD]}"#, "fc(l(x))"), (#"{"modules":[LSTM,HEAD],"order_known":false}"#, nil),
    (#"{"modules":[LAST,HEAD]}"#, "fc(last(l(x)))"), (#"{"modules":[BOTH,HEAD2]}"#, "fc(cat(l(x).hn[0], l(x).hn[1]))"),
    (#"{"modules":[LSTM,SOFT]}"#, "softmax(fc(l(x)))"), (#"{"modules":[LSTM,HEAD],"skip":1}"#, "fc(l(x)) + x[..., :1]"),
    (#"{"modules":[LSTM,HEAD],"output_gain":0.5}"#, "fc(l(x)) * 0.5"),
    (#"{"modules":[LSTM,HEAD],"input_gain":2,"skip":1}"#, "a = x * 2; fc(l(a)) + a[..., :1]"),
    (#"{"modules":[LSTM,HEAD],"input_gain":2,"input_gain_features":1}"#, "fc(l(x * [2, 1, 1]))"),
    (#"{"modules":[SOFT,LAST],"order_known":false}"#, "last(l(wiring(softmax(fc(wiring(x))))))"),
  ])
  func readsVersionOne(_ text: String, _ line: String?) throws {
    let lstm = #"{"type":"LSTM","name":"l","input_size":3,"hidden_size":5"#
    let head = #"{"type":"Linear","name":"fc","out_features":1,"in_features":5"#
    var text = text
    for (word, json) in [
      ("LSTM", lstm + "}"), ("LAST", lstm + #","returns_sequence":false}"#),
      ("BOTH", lstm + #","bidirectional":true,"returns_sequence":false}"#), ("HEAD2", head.replacing("5", with: "10") + "}"),
      ("HEAD", head + "}"), ("SOFT", head + #","activation":"softmax"}"#),
    ] where text.contains(word + ",") || text.contains(word + "]") {
      text = text.replacing(word + ",", with: json + ",").replacing(word + "]", with: json + "]")
    }
    let architecture = try read(text)
    #expect(architecture.forward?.line(modules: architecture.modules) == line)
    #expect(try read(architecture.json.text) == architecture)
  }

  @Test(arguments: [
    (#"{"modules":[],"forward":1}"#, "architecture.forward: neither a line of text nor null; compare with Schemas/forward.md"),
    (#"{"modules":[],"forward":"lstm(x)"}"#, nil), (#"{"modules":[],"forward":null,"skip":1}"#, "architecture.skip" + newer),
    (#"{"modules":[{"type":"Linear","name":"fc","in_features":1,"out_features":1,"activation":"tanh"}],"forward":null}"#,
      "architecture.modules[0].activation" + newer),
    (#"{"modules":[{"type":"Linear","name":"fc","in_features":268435457,"out_features":1}],"forward":"fc(x)"}"#,
      "module fc: in_features and out_features must be 1 to 268435456; correct the architecture in the file, or export the "
        + "model again"),
  ])
  func refusesABadForward(_ text: String, _ message: String?) {
    let found = refusal { _ = try read(text) }
    #expect(message == nil ? found?.hasPrefix("architecture.forward: forward, column 1: ") == true : found == message)
  }

  @Test func writesWhatTheSpecificationShows() throws {
    let module = Recurrent(
      name: "rnn", cell: .rnn, inputSize: 1, hiddenSize: 2, bias: false, activations: .init(candidate: .relu))
    #expect(Architecture(modules: [.recurrent(module)]).json.text == """
      {"batch_first":false,"forward":"rnn(x)","modules":[{"type":"RNN","name":"rnn","input_size":1,"hidden_size":2,"num_layers":1,\
      "bias":false,"bidirectional":false,"nonlinearity":"relu"}]}
      """)
  }

  private static let schema = "; compare with the schema, or write the file again"
  private static let newer =
    ": an unknown key, which may change what the model computes; use a newer RNNKit, or correct the key"

  @Test(arguments: [
    ("[]", "architecture: not a JSON object" + schema), ("{}", "architecture.modules: missing" + schema),
    (#"{"modules":{}}"#, "architecture.modules: not a list" + schema),
    (#"{"modules":[0]}"#, "architecture.modules[0]: not a JSON object" + schema),
    (#"{"modules":[],"batch_first":1}"#, "architecture.batch_first: neither true nor false" + schema),
    (#"{"modules":[],"order_known":null}"#, "architecture.order_known: neither true nor false" + schema),
    (#"{"modules":[],"skip":-1}"#, "architecture.skip: not a whole number from 0" + schema),
    (#"{"modules":[],"input_gain":"1"}"#, "architecture.input_gain: not a number" + schema),
    (#"{"modules":[],"input_gain_features":0.5}"#,
      "architecture.input_gain_features: not a whole number from 0" + schema),
    (#"{"modules":[],"output_gain":[]}"#, "architecture.output_gain: not a number" + schema),
    (#"{"modules":[],"input_gain_features":0}"#,
      "architecture: input_gain_features must be 1 or more; correct the architecture in the file"),
    (#"{"modules":[],"dropout":0.5}"#, "architecture.dropout" + newer),
    (#"{"modules":[{"name":"x"}]}"#, "architecture.modules[0].type: missing" + schema),
    (#"{"modules":[{"type":"Linear"}]}"#, "architecture.modules[0].name: missing" + schema),
    (#"{"modules":[{"type":"Conv3d","name":"x"}]}"#,
      "architecture.modules[0].type: an unknown module type \"Conv3d\"; use a newer RNNKit, or correct the type"),
    (#"{"modules":[{"type":"Cell","name":"x"}]}"#,
      "architecture.modules[0].type: an unknown module type \"Cell\"; use a newer RNNKit, or correct the type"),
  ])
  func refusesABadArchitecture(_ text: String, _ message: String) {
    #expect(refusal { _ = try read(text) } == message)
  }

  @Test(arguments: [
    ("RNN", #""proj_size":1"#, "proj_size" + newer), ("RNN", #""activations":{}"#, "activations" + newer),
    ("RNN", #""reset_after":true"#, "reset_after" + newer), ("GRU", #""peephole":true"#, "peephole" + newer),
    ("GRU", #""nonlinearity":"tanh""#, "nonlinearity" + newer), ("LSTM", #""reset_after":true"#, "reset_after" + newer),
    ("LSTMCell", #""num_layers":1"#, "num_layers" + newer), ("LSTMCell", #""proj_size":1"#, "proj_size" + newer),
    ("GRUCell", #""bidirectional":false"#, "bidirectional" + newer), ("RNNCell", #""reverse":true"#, "reverse" + newer),
    ("LSTM", #""dropout":0"#, "dropout" + newer),
    ("RNN", #""num_layers":1.0"#, "num_layers: not a whole number from 0" + schema),
    ("RNN", #""bias":1"#, "bias: neither true nor false" + schema),
    ("RNN", #""clip":"3""#, "clip: not a number" + schema),
    ("RNN", #""bidirectional":true,"reverse":true"#, "reverse: true beside bidirectional" + schema),
    ("RNN", #""reverse_nonlinearity":"relu""#, "reverse_nonlinearity" + notBidirectional),
    ("LSTM", #""reverse_activations":{}"#, "reverse_activations" + notBidirectional),
    ("GRUCell", #""reverse_activations":{}"#, "reverse_activations" + notBidirectional),
    ("GRU", #""activations":[]"#, "activations: not a JSON object" + schema),
    ("GRU", #""activations":{"reset":"tanh"}"#, "activations.reset" + newer),
    ("GRU", #""activations":{"gate":"swish"}"#, "activations.gate" + unknown(#""swish""#)),
    ("RNN", #""nonlinearity":"softmax""#, "nonlinearity" + unknown(#""softmax""#)),
    ("RNN", #""nonlinearity":"hard_sigmoid""#, "nonlinearity" + unknown(#""hard_sigmoid""#)),
    ("RNN", #""nonlinearity":{"name":"tanh","alpha":1}"#, "nonlinearity" + unknown(#"{"name":"tanh","alpha":1}"#)),
    ("RNN", #""nonlinearity":{"name":"tanh","alpha":"x"}"#, "nonlinearity" + unknown(#"{"name":"tanh","alpha":"x"}"#)),
    ("RNN", #""nonlinearity":{"name":"elu"}"#, "nonlinearity" + unknown(#"{"name":"elu"}"#)),
    ("RNN", #""nonlinearity":{"name":"elu","alpha":1,"gamma":2}"#, "nonlinearity.gamma" + newer),
    ("RNN", #""nonlinearity":{"alpha":1}"#, "nonlinearity.name: missing" + schema),
    ("RNN", #""nonlinearity":1"#, "nonlinearity: not a JSON object" + schema),
  ])
  func refusesABadRecurrentModule(_ type: String, _ option: String, _ message: String) {
    let text = #"{"modules":[{"type":"\#(type)","name":"m","input_size":3,"hidden_size":5,\#(option)}]}"#
    #expect(refusal { _ = try read(text) } == "architecture.modules[0]." + message)
  }

  private static let notBidirectional = ": given for a module that is not bidirectional" + schema

  private static func unknown(_ text: String) -> String {
    ": an unknown activation, or one without its parameters: \(text); see the activations in the schema"
  }

  @Test(arguments: [
    (#""type":"Linear","in_features":1"#, "out_features: missing" + schema),
    (#""type":"Linear","in_features":1,"out_features":1,"in_size":2"#, "in_size" + newer),
    (#""type":"Linear","in_features":1,"out_features":1,"activation":"swish""#, "activation" + unknown(#""swish""#)),
    (#""type":"Embedding","num_embeddings":1"#, "embedding_dim: missing" + schema),
    (#""type":"Embedding","num_embeddings":1,"embedding_dim":1,"padding_idx":-1"#,
      "padding_idx: not an index" + schema),
    (#""type":"Embedding","num_embeddings":1,"embedding_dim":1,"max_norm":1"#, "max_norm" + newer),
    (#""type":"Unknown""#, "tensors: missing" + schema),
    (#""type":"Unknown","tensors":[1]"#, "tensors: not a list of names" + schema),
    (#""type":"Unknown","tensors":[],"bias":true"#, "bias" + newer),
    (#""type":"RNN","input_size":1"#, "hidden_size: missing" + schema),
  ])
  func refusesAnotherBadModule(_ members: String, _ message: String) {
    let text = #"{"modules":[{"name":"m",\#(members)}]}"#
    #expect(refusal { _ = try read(text) } == "architecture.modules[0]." + message)
  }
}
