import RNNFormats
import RNNModel
import Testing

/// Architectures of version 1, from files that RNNKit wrote before version 2, and of version 2.
@Suite struct ArchitectureVersionTests {
  /// See Fixtures/version1/README.md.
  @Test(arguments: [
    ("tiny.rnn", "rnn(x)"), ("head_softmax.rnn", "softmax(fc(gru(x)))"), ("head_softmax.safetensors", "softmax(fc(gru(x)))"),
    ("head_last_step.rnn", "softmax(fc(last(lstm(x))))"), ("head_last_step.pt", "softmax(fc(last(lstm(x))))"),
    ("chain_embedding.rnn", "log_softmax(out(gru(emb(x))))"),
    ("chain_linear_between.rnn", "out(lstm(tanh(mid(gru(relu(embed(x)))))))"),
    ("unknown_modules.rnn", "fc(norm(lstm(conv(x))))"), ("guitarml.rnn", "lin(rec(x)) + x[..., :1]"),
    ("aidax_knobs.rnn",
      "a = x * [0.6683439175686147, 1]; (dense(lstm(a)) + a[..., :1]) * 1.6311729092278382"),
  ])
  func readsFilesOfVersionOne(name: String, line: String) throws {
    let archive = try FormatRegistry.standard.read(Fixture.file("version1/\(name)"))
    let architecture = try #require(archive.architecture)
    #expect(architecture.forward?.line(modules: architecture.modules) == line)
    let model = try Interpretation(archive).model
    let back = try NativeFormat().read(InputFile(written(model.archive, as: NativeFormat()), name: "model"))
    #expect(back.architecture == model.architecture)
  }

  @Test func givesBackEveryForward() throws {
    for seed in 0..<3000 {
      var random = RandomForward(seed: UInt64(seed))
      let architecture = try random.architecture()
      let text = architecture.json.text
      let found = Result { try Architecture(json: JSONValue(parsing: text)) }
      switch found {
      case .success(let back): #expect(back == architecture, "seed \(seed): \(text)\n\(back.json.text)")
      case .failure(let error): Issue.record("seed \(seed): \(error)\n\(text)")
      }
    }
  }

  /// Sizes from a file are checked before the line is worked out with them.
  @Test(arguments: [
    #"{"type":"LSTM","name":"m","input_size":1,"hidden_size":9223372036854775807,"bidirectional":true}"#,
    #"{"type":"GRU","name":"m","input_size":1,"hidden_size":2,"num_layers":9223372036854775807,"bidirectional":true}"#,
    #"{"type":"PReLU","name":"m","num_parameters":0}"#,
  ])
  func refusesSizesBeyondLimits(module: String) {
    for head in [#""forward":"m(x).hn[0]","#, #""skip":1,"#, #""input_gain":2,"input_gain_features":1,"#, #""forward":"m(x)","#] {
      let refused = error { _ = try Architecture(json: JSONValue(parsing: "{\(head)\"modules\":[\(module)]}")) }
      #expect(refused?.kind == .badData && refused?.place == "module m")
    }
  }

  @Test func boundsAGainOnSomeOfManyFeatures() {
    let module = #"{"type":"LSTM","name":"m","input_size":268435456,"hidden_size":1}"#
    let text = #"{"modules":[\#(module)],"input_gain":2,"input_gain_features":1}"#
    let refused = error { _ = try Architecture(json: JSONValue(parsing: text)) }
    #expect(refused?.kind == .badData && refused?.place == "architecture")
  }
}

/// A forward of random steps, each of values that it fits.
struct RandomForward {
  private struct Known {
    var value: Forward.Value
    var features: Int
    var hasTime: Bool
  }

  private var random: SplitMix
  private var modules: [Module] = []
  private var forward = Forward()
  private var known: [Known] = []
  private static let names = ["rnn", "enc.lstm.0", "last", "x", "cat", "self.fc", "é \"x\"", "m\n", "", "0", "a b", "drop.1", "nothing"]

  init(seed: UInt64) { random = SplitMix(state: seed) }

  mutating func architecture() throws -> Architecture {
    forward.inputs = (0..<Int.random(in: 1...2, using: &random)).map { index in
      Forward.Input(chance(2) && index == 0 ? "x" : pick(["u", "a", "in put", "last"]) + "\(index)", features: Int.random(in: 1...4, using: &random))
    }
    for (index, input) in forward.inputs.enumerated() {
      known.append(Known(value: .input(index), features: input.features ?? 1, hasTime: true))
    }
    for _ in 0..<Int.random(in: 0...9, using: &random) { step() }
    let names = ["y", "out put", "hn"].shuffled(using: &random)
    let count = Int.random(in: 1...2, using: &random)
    forward.outputs = (0..<count).map { Forward.Output(pick(known).value, name: count > 1 || chance(4) ? names[$0] : nil) }
    let architecture = Architecture(modules: modules, forward: forward, batchFirst: chance(2))
    _ = try forward.shapes(modules)
    return architecture
  }

  private mutating func name() -> String {
    let name = pick(Self.names)
    return modules.contains { $0.name == name } ? "\(name)\(modules.count)" : name
  }

  private mutating func add(_ operation: Forward.Operation, _ inputs: [Known], _ features: Int, hasTime: Bool) {
    let count = forward.steps.count
    let value = forward.add(operation, of: inputs.map(\.value))
    if forward.steps.count > count { known.append(Known(value: value, features: features, hasTime: hasTime)) }
  }

  private mutating func step() {
    let from = pick(known), size = Int.random(in: 1...4, using: &random)
    switch Int.random(in: 0..<11, using: &random) {
    case 0, 1:
      guard from.hasTime else { return }
      var module = Recurrent(name: name(), cell: pick([.rnn, .gru, .lstm]), inputSize: from.features, hiddenSize: size)
      module.direction = pick([.forward, .reverse, .bidirectional])
      module.numLayers = Int.random(in: 1...2, using: &random)
      modules.append(.recurrent(module))
      add(.module(module.name), [from], module.outputSize, hasTime: true)
      guard let made = known.last, chance(2) else { return }
      let states = module.numLayers * module.directionCount
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let kind: Forward.StateKind = module.cell == .lstm && chance(2) ? .cn : .hn
        add(.state(kind, Int.random(in: 0..<states, using: &random)), [made], size, hasTime: false)
      }
    case 2:
      let module = Linear(name: name(), inFeatures: from.features, outFeatures: size)
      modules.append(.linear(module))
      add(.module(module.name), [from], size, hasTime: from.hasTime)
    case 3:
      let module = PReLU(name: name(), numParameters: chance(2) ? 1 : from.features)
      modules.append(.prelu(module))
      add(.module(module.name), [from], from.features, hasTime: from.hasTime)
    case 4:
      let functions = [.softmax, .logSoftmax] + ArchitectureJSONTests.activations.map { Function.elementwise($0) }
      add(.activation(pick(functions)), [from], from.features, hasTime: from.hasTime)
    case 5:
      guard from.hasTime else { return }
      add(.select(pick([.last, .first, .at(3), .at(-2)])), [from], from.features, hasTime: false)
    case 6:
      guard from.hasTime else { return }
      add(.flip, [from], from.features, hasTime: true)
    case 7:
      let start = Int.random(in: 0..<from.features, using: &random)
      let end = Int.random(in: start + 1...from.features, using: &random)
      add(.slice(start..<end), [from], end - start, hasTime: from.hasTime)
    case 8:
      let others = known.filter { $0.hasTime == from.hasTime }
      let all = [from] + (0..<Int.random(in: 1...2, using: &random)).map { _ in pick(others) }
      add(.concatenate, all, all.reduce(0) { $0 + $1.features }, hasTime: from.hasTime)
    case 9:
      let fitting = known.filter { $0.features == from.features || $0.features == 1 || from.features == 1 }
      let other = pick(fitting)
      let pair = chance(2) ? [from, other] : [other, from]
      add(.arithmetic(pick(Forward.Arithmetic.allCases)), pair, max(from.features, other.features), hasTime: from.hasTime || other.hasTime)
    default:
      if chance(3) {
        add(.nothing(pick(["dropout", "drop 1", "id", "enc.drop"])), [from], from.features, hasTime: from.hasTime)
        return
      }
      let constant: Forward.Operation =
        chance(3) ? .parameter(pick(["gain", "w.0", "odd name"])) : .constant((0..<(chance(2) ? 1 : from.features)).map { _ in number() })
      let kind = pick(Forward.Arithmetic.allCases)
      let value = forward.add(constant, of: [])
      let pair = chance(2) ? [from.value, value] : [value, from.value]
      let count = forward.steps.count
      let product = forward.add(.arithmetic(kind), of: pair)
      if forward.steps.count > count { known.append(Known(value: product, features: from.features, hasTime: from.hasTime)) }
    }
  }

  private mutating func number() -> Double { pick([1, -1, 0.5, -0.0, 1e-300, 123_456_789, 0.1, -7.25]) }
  private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
  private mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var x = state
    x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
    x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
    return x ^ (x >> 31)
  }
}
