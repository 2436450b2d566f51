import RNNModel

/// Arrays of layers of dilated convolutions, whose input is mixed in at every layer and whose results are summed for the output.
///
/// A layer makes of its input x and the condition c `z = conv(x) + input_mixer(c)`, `a = f(z)` or of two halves of z
/// `f(z₁)·g(z₂)`, `x + layer1x1(a)` for the next layer, and a, or `head1x1(a)`, for the sum. An array's sum begins with what the
/// array before it gives; its `head_rechannel` makes of it what goes on. The condition is the sound itself, or what another model
/// makes of it. Each place of a layer may be modulated: `film` gives of the condition a factor, and a term where it shifts.
struct NAMWaveNet: NAMPart {
  let inChannels: Int
  let outChannels: Int
  let past: Int
  let notes: [Phrase]
  private let document: NAMDocument
  private let condition: (any NAMPart)?
  private let arrays: [Array]
  private let head: [NAMNetwork.Convolution]
  private let headActivation: NAMActivation?

  private struct Array {
    let rechannel: NAMNetwork.Convolution
    let layers: [Layer]
    let head: NAMNetwork.Convolution
    let place: String
  }

  private struct Layer {
    let conv: NAMNetwork.Convolution
    let mixer: NAMNetwork.Convolution
    let layer1x1: NAMNetwork.Convolution
    let head1x1: NAMNetwork.Convolution?
    let films: [Film?]
    let activation: NAMActivation
    let gate: Gate
    /// Features behind the activation.
    let features: Int
  }

  private enum Gate {
    case none
    /// f(z₁)·g(z₂)
    case gated(NAMActivation)
    /// g(z₂)·f(z₁) + (1 − g(z₂))·z₁
    case blended(NAMActivation)
  }

  private struct Film {
    let convolution: NAMNetwork.Convolution
    let features: Int
    let shifts: Bool
  }

  /// Where a layer may be modulated, in the order of the weights.
  private enum FilmPlace: String, CaseIterable {
    case convPre = "conv_pre_film"
    case convPost = "conv_post_film"
    case mixerPre = "input_mixin_pre_film"
    case mixerPost = "input_mixin_post_film"
    case activationPre = "activation_pre_film"
    case activationPost = "activation_post_film"
    case layerPost = "layer1x1_post_film"
    case headPost = "head1x1_post_film"
  }

  init(_ document: NAMDocument) throws(RNNError) {
    self.document = document
    var reader = try document.settings(without: ["condition_dsp"])
    inChannels = try reader.integer("in_channels", default: 1)
    condition = try Self.condition(of: document, channels: inChannels)
    var arrays: [Array] = [], isSlimmable = false, past: [Int] = [condition?.past ?? 0]
    for (index, value) in try reader.array("layers").enumerated() {
      var array = try JSONObjectReader(value, at: "\(reader.place).layers[\(index)]")
      if let slimmable = array.optional("slimmable"), slimmable != .null { isSlimmable = true }
      let read = try Self.array(&array, behind: arrays.last, inputs: inChannels, conditions: condition?.outChannels ?? inChannels)
      try array.finish()
      arrays.append(read)
      past += read.layers.map(\.conv.past) + [read.head.past]
    }
    guard let last = arrays.last else { throw NAMDocument.refuse("\(reader.place).layers", "no layers") }
    guard arrays.reduce(0, { $0 + $1.layers.count }) <= Limits.maximumLayerCount else {
      throw NAMDocument.refuse("\(reader.place).layers", "more than \(Limits.maximumLayerCount) layers")
    }
    // What counts is the number at the end of the weights.
    _ = try reader.double("head_scale", default: 1)
    var head: [NAMNetwork.Convolution] = [], activation: NAMActivation?
    if let value = reader.optional("head"), value != .null {
      var own = try JSONObjectReader(value, at: "\(reader.place).head")
      (head, activation) = try Self.head(&own, behind: last.head.to)
      try own.finish()
    }
    try reader.finish()
    self.past = try Self.sum(past + head.map(\.past), at: reader.place)
    (self.arrays, self.head, headActivation) = (arrays, head, activation)
    outChannels = head.last?.to ?? last.head.to
    notes = (isSlimmable ? ["a slimmable model, at its full size"] : []) + (condition?.notes ?? [])
  }

  private static func condition(of document: NAMDocument, channels: Int) throws(RNNError) -> (any NAMPart)? {
    guard let range = document.config["condition_dsp"], document.bytes[range].first != UInt8(ascii: "n") else { return nil }
    let place = "\(document.place)config.condition_dsp."
    guard !document.isCondition else { throw NAMDocument.refuse(place, "a condition of a condition", "use a model with one condition") }
    let inner = try NAMDocument(document.bytes, JSONSkeleton(document.bytes, in: range), at: place, isCondition: true)
    func rate(_ whole: JSONSkeleton) throws(RNNError) -> Double? {
      try whole["sample_rate"].flatMap { (range) throws(RNNError) in try JSONValue(parsing: document.bytes, in: range).double }
    }
    let rates = (try rate(document.whole), try rate(inner.whole))
    guard rates.0 == nil || rates.1 == nil || rates.0 == rates.1 else {
      throw NAMDocument.refuse(place + "sample_rate", "another than the model's")
    }
    let part = try inner.part()
    guard part.inChannels == channels else {
      throw NAMDocument.refuse(place + "config", "\(part.inChannels) channels, expected the model's \(channels)")
    }
    return part
  }

  /// Steps between those that a convolution of each layer takes.
  static func dilations(_ reader: inout JSONObjectReader) throws(RNNError) -> [Int] {
    let values = try reader.array("dilations"), numbers = values.compactMap(\.integer)
    guard !numbers.isEmpty, numbers.count == values.count, numbers.count <= Limits.maximumLayerCount else {
      throw reader.error("dilations", "not a list of 1 to \(Limits.maximumLayerCount) whole numbers")
    }
    return numbers
  }

  /// All steps that are looked back on.
  static func sum(_ past: [Int], at place: String) throws(RNNError) -> Int {
    // At most so many layers of so many steps.
    let sum = past.reduce(0, +)
    guard sum < Limits.maximumWindow else {
      throw NAMDocument.refuse(place, "its convolutions look \(sum) steps back, and RNNKit runs up to \(Limits.maximumWindow)", "use a smaller model")
    }
    return sum
  }

  private static func array(
    _ reader: inout JSONObjectReader, behind previous: Array?, inputs: Int, conditions: Int
  ) throws(RNNError) -> Array {
    let place = reader.place
    func expect(_ key: String, _ number: Int, _ expected: Int, _ whose: Phrase) throws(RNNError) {
      guard number == expected else { throw NAMDocument.refuse("\(place).\(key)", "\(number), expected \(whose), \(expected)") }
    }
    let channels = try reader.integer("channels"), bottleneck = try reader.integer("bottleneck", default: channels)
    let inputSize = try reader.integer("input_size"), conditionSize = try reader.integer("condition_size")
    try expect("input_size", inputSize, previous?.layers.last?.layer1x1.to ?? inputs, "as many as come in")
    try expect("condition_size", conditionSize, conditions, "as many as the condition has")
    let dilations = try dilations(&reader), count = dilations.count
    let sizes = try kernelSizes(&reader, count)
    let activations = try NAMActivation.list(reader.required("activation"), of: count, at: "\(place).activation")
    let gates = try gates(&reader, count)
    let groups = try reader.integer("groups_input", default: 1), mixerGroups = try reader.integer("groups_input_mixin", default: 1)
    let layerGroups = try layer1x1Groups(&reader)
    let head1x1 = try head1x1(&reader, from: bottleneck)
    let films = try films(&reader, hasHead: head1x1 != nil)
    var layers: [Layer] = []
    for index in 0..<count {
      let isPaired = if case .none = gates[index] { false } else { true }
      let (middle, overflow) = bottleneck.multipliedReportingOverflow(by: isPaired ? 2 : 1)
      guard !overflow else { throw reader.error("bottleneck", "too large") }
      let own = "\(place).dilations[\(index)]"
      var made: [Film?] = []
      for (film, filmed) in zip(films, FilmPlace.allCases) {
        guard let film else {
          made.append(nil)
          continue
        }
        if filmed == .layerPost, case .blended = gates[index] {} else if filmed == .layerPost {
          throw NAMDocument.refuse(
            "\(place).\(filmed.rawValue)", "active without blending, where Neural Amp Modeler's trainer applies it and its plugin does not",
            "train it without, or with a gating_mode of blended")
        }
        let features = switch filmed {
        case .convPre, .layerPost: channels
        case .convPost, .mixerPost, .activationPre: middle
        case .mixerPre: conditionSize
        case .activationPost: bottleneck
        case .headPost: head1x1?.to ?? bottleneck
        }
        let (doubled, overflow) = features.multipliedReportingOverflow(by: film.shifts ? 2 : 1)
        guard !overflow else { throw reader.error(filmed.rawValue, "too large") }
        made.append(Film(
          convolution: try .init(from: conditionSize, to: doubled, groups: film.groups, at: "\(place).\(filmed.rawValue)"),
          features: features, shifts: film.shifts))
      }
      layers.append(Layer(
        conv: try .init(from: channels, to: middle, size: sizes[index], dilation: dilations[index], groups: groups, at: own),
        mixer: try .init(from: conditionSize, to: middle, groups: mixerGroups, hasBias: false, at: "\(place).groups_input_mixin"),
        layer1x1: try .init(from: bottleneck, to: channels, groups: layerGroups, at: "\(place).layer1x1"),
        head1x1: head1x1, films: made, activation: activations[index], gate: gates[index], features: bottleneck))
    }
    let summed = head1x1?.to ?? bottleneck
    let head = try head(of: &reader, from: summed)
    if let previous { try expect("channels", summed, previous.head.to, "as many as the array before it gives for the sum") }
    return Array(
      rechannel: try .init(from: inputSize, to: channels, hasBias: false, at: "\(place).channels"), layers: layers, head: head, place: place)
  }

  private static func kernelSizes(_ reader: inout JSONObjectReader, _ count: Int) throws(RNNError) -> [Int] {
    guard reader.has("kernel_size") != reader.has("kernel_sizes") else {
      throw reader.error("kernel_size", "not one of kernel_size and kernel_sizes")
    }
    let key = reader.has("kernel_size") ? "kernel_size" : "kernel_sizes"
    let value = try reader.required(key)
    if let size = value.integer, key == "kernel_size" { return .init(repeating: size, count: count) }
    let sizes = (value.array ?? []).compactMap(\.integer)
    guard sizes.count == count, value.array?.count == count else { throw reader.error(key, "not a whole number for each of \(count) layers") }
    return sizes
  }

  private static func gates(_ reader: inout JSONObjectReader, _ count: Int) throws(RNNError) -> [Gate] {
    let place = reader.place, secondary = reader.optional("secondary_activation")
    func second(_ index: Int) throws(RNNError) -> NAMActivation {
      guard let secondary else { return .function(.sigmoid) }
      guard let list = secondary.array else { return try NAMActivation(secondary, at: "\(place).secondary_activation") }
      guard list.indices.contains(index), list.count == count else {
        throw NAMDocument.refuse("\(place).secondary_activation", "\(list.count) of them for \(count) layers")
      }
      return try NAMActivation(list[index], at: "\(place).secondary_activation[\(index)]")
    }
    let isGated = try reader.bool("gated", default: false)
    guard let mode = reader.optional("gating_mode") else {
      return .init(repeating: isGated ? .gated(.function(.sigmoid)) : .none, count: count)
    }
    let modes = mode.array ?? .init(repeating: mode, count: count)
    guard modes.count == count else { throw reader.error("gating_mode", "\(modes.count) of them for \(count) layers") }
    var gates: [Gate] = []
    for (index, mode) in modes.enumerated() {
      switch mode {
      case .string("none"): gates.append(.none)
      case .string("gated"): gates.append(.gated(try second(index)))
      case .string("blended"): gates.append(.blended(try second(index)))
      default: throw reader.error("gating_mode", "\(mode.text.prefix(60)), expected none, gated or blended")
      }
    }
    return gates
  }

  private static func layer1x1Groups(_ reader: inout JSONObjectReader) throws(RNNError) -> Int {
    guard let value = reader.optional("layer1x1") else { return 1 }
    var own = try JSONObjectReader(value, at: "\(reader.place).layer1x1")
    let isActive = try own.bool("active", default: true), groups = try own.integer("groups", default: 1)
    try own.finish()
    guard isActive else {
      throw NAMDocument.refuse(
        "\(own.place).active", "false, with which Neural Amp Modeler's trainer and its plugin compute different sounds", "train it with layer1x1")
    }
    return groups
  }

  private static func head1x1(_ reader: inout JSONObjectReader, from: Int) throws(RNNError) -> NAMNetwork.Convolution? {
    guard let value = reader.optional("head1x1") else { return nil }
    var own = try JSONObjectReader(value, at: "\(reader.place).head1x1")
    let isActive = try own.bool("active", default: false), to = try own.integer("out_channels", default: 1)
    let groups = try own.integer("groups", default: 1)
    try own.finish()
    return isActive ? try .init(from: from, to: to, groups: groups, at: own.place) : nil
  }

  private static func films(
    _ reader: inout JSONObjectReader, hasHead: Bool
  ) throws(RNNError) -> [(shifts: Bool, groups: Int)?] {
    var films: [(shifts: Bool, groups: Int)?] = []
    for place in FilmPlace.allCases {
      guard let value = reader.optional(place.rawValue), value != .bool(false) else {
        films.append(nil)
        continue
      }
      var own = try JSONObjectReader(value, at: "\(reader.place).\(place.rawValue)")
      let isActive = try own.bool("active", default: true)
      let film = (shifts: try own.bool("shift", default: true), groups: try own.integer("groups", default: 1))
      try own.finish()
      guard !isActive || place != .headPost || hasHead else {
        throw NAMDocument.refuse(own.place, "active, and head1x1 is not")
      }
      films.append(isActive ? film : nil)
    }
    return films
  }

  /// An array's `head`, or `head_size` and `head_bias` in files before 0.7.
  private static func head(of reader: inout JSONObjectReader, from: Int) throws(RNNError) -> NAMNetwork.Convolution {
    guard let value = reader.optional("head"), value != .null else {
      let size = try reader.integer("head_size"), hasBias = try reader.bool("head_bias", default: false)
      return try .init(from: from, to: size, hasBias: hasBias, at: "\(reader.place).head_size")
    }
    var own = try JSONObjectReader(value, at: "\(reader.place).head")
    let to = try own.integer("out_channels"), size = try own.integer("kernel_size")
    let dilation = try own.integer("head_dilation", default: 1), hasBias = try own.bool("bias", default: false)
    try own.finish()
    return try .init(from: from, to: to, size: size, dilation: dilation, hasBias: hasBias, at: own.place)
  }

  /// What stands behind all arrays: a function and a convolution, several times.
  private static func head(
    _ reader: inout JSONObjectReader, behind channels: Int
  ) throws(RNNError) -> ([NAMNetwork.Convolution], NAMActivation) {
    let given = try reader.integer("in_channels", default: channels)
    guard given == channels else { throw reader.error("in_channels", "\(given), expected \(channels)") }
    let middle = try reader.integer("channels"), out = try reader.integer("out_channels")
    let activation = try NAMActivation(reader.required("activation"), at: "\(reader.place).activation")
    let values = try reader.array("kernel_sizes"), sizes = values.compactMap(\.integer)
    guard !sizes.isEmpty, sizes.count == values.count else { throw reader.error("kernel_sizes", "not a list of whole numbers") }
    var convolutions: [NAMNetwork.Convolution] = []
    for (index, size) in sizes.enumerated() {
      convolutions.append(try .init(
        from: index == 0 ? channels : middle, to: index == sizes.count - 1 ? out : middle, size: size,
        at: "\(reader.place).kernel_sizes[\(index)]"))
    }
    return (convolutions, activation)
  }

  // MARK: Building

  func add(to network: inout NAMNetwork, _ input: Forward.Value, named prefix: String) throws(RNNError) -> Forward.Value {
    let condition = try condition?.add(to: &network, input, named: prefix + "condition_dsp.") ?? input
    return try network.with(weightsOf: document) { (network) throws(RNNError) in
      var value = input, sum: Forward.Value?
      for (index, array) in arrays.enumerated() {
        let name = "\(prefix)layer_arrays.\(index)."
        try network.add(array.rechannel, named: name + "rechannel")
        value = network.add(.module(name + "rechannel"), value)
        for (number, layer) in array.layers.enumerated() {
          let result = try add(layer, to: &network, value, condition, named: "\(name)layers.\(number).", array.place)
          value = result.next
          sum = sum.map { network.add(.arithmetic(.add), $0, result.head) } ?? result.head
        }
        try network.add(array.head, named: name + "head_rechannel")
        sum = sum.map { network.add(.module(name + "head_rechannel"), $0) }
      }
      for (index, convolution) in head.enumerated() { try network.add(convolution, named: "\(prefix)head.\(index)") }
      // The last of the weights is the scale of what goes into the head.
      try network.parameter(prefix + "head_scale", [1])
      var result = network.add(.arithmetic(.multiply), sum ?? value, network.add(.parameter(prefix + "head_scale")))
      for (index, convolution) in head.enumerated() {
        result = try headActivation?.add(
          to: &network, result, features: convolution.from, named: "\(prefix)head_activations.\(index)",
          at: "\(document.place)config.head.activation") ?? result
        result = network.add(.module("\(prefix)head.\(index)"), result)
      }
      return result
    }
  }

  private func add(
    _ layer: Layer, to network: inout NAMNetwork, _ input: Forward.Value, _ condition: Forward.Value, named name: String, _ place: String
  ) throws(RNNError) -> (next: Forward.Value, head: Forward.Value) {
    try network.add(layer.conv, named: name + "conv")
    try network.add(layer.mixer, named: name + "input_mixer")
    try network.add(layer.layer1x1, named: name + "layer1x1")
    if let head = layer.head1x1 { try network.add(head, named: name + "head1x1") }
    for (film, place) in zip(layer.films, FilmPlace.allCases) {
      if let film { try network.add(film.convolution, named: name + place.rawValue) }
    }
    func film(_ place: FilmPlace, _ value: Forward.Value, _ network: inout NAMNetwork) -> Forward.Value {
      guard let film = zip(layer.films, FilmPlace.allCases).first(where: { $1 == place })?.0 else { return value }
      let made = network.add(.module(name + place.rawValue), condition)
      guard film.shifts else { return network.add(.arithmetic(.multiply), made, value) }
      let scaled = network.add(.arithmetic(.multiply), network.add(.slice(0..<film.features), made), value)
      return network.add(.arithmetic(.add), scaled, network.add(.slice(film.features..<2 * film.features), made))
    }
    let convolved = film(.convPost, network.add(.module(name + "conv"), film(.convPre, input, &network)), &network)
    let mixed = film(.mixerPost, network.add(.module(name + "input_mixer"), film(.mixerPre, condition, &network)), &network)
    let both = film(.activationPre, network.add(.arithmetic(.add), convolved, mixed), &network)
    let activated = film(.activationPost, try activate(both, layer, &network, named: name, place), &network)
    let residual = film(.layerPost, network.add(.module(name + "layer1x1"), activated), &network)
    let head = layer.head1x1 == nil ? activated : film(.headPost, network.add(.module(name + "head1x1"), activated), &network)
    return (network.add(.arithmetic(.add), input, residual), head)
  }

  private func activate(
    _ value: Forward.Value, _ layer: Layer, _ network: inout NAMNetwork, named name: String, _ place: String
  ) throws(RNNError) -> Forward.Value {
    let features = layer.features
    func first(_ value: Forward.Value) throws(RNNError) -> Forward.Value {
      try layer.activation.add(to: &network, value, features: features, named: name + "activation", at: "\(place).activation")
    }
    func second(_ activation: NAMActivation) throws(RNNError) -> Forward.Value {
      let half = network.add(.slice(features..<2 * features), value)
      return try activation.add(
        to: &network, half, features: features, named: name + "secondary_activation", at: "\(place).secondary_activation")
    }
    switch layer.gate {
    case .none: return try first(value)
    case .gated(let activation):
      let one = try first(network.add(.slice(0..<features), value)), two = try second(activation)
      return network.add(.arithmetic(.multiply), one, two)
    case .blended(let activation):
      let half = network.add(.slice(0..<features), value)
      let one = try first(half), two = try second(activation)
      let rest = network.add(.arithmetic(.subtract), network.add(.constant([1])), two)
      return network.add(.arithmetic(.add), network.add(.arithmetic(.multiply), two, one), network.add(.arithmetic(.multiply), rest, half))
    }
  }
}
