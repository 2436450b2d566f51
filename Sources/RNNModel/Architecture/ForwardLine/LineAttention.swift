/// Attention: `attention(q, k, v, heads=2)`, PyTorch's `scaled_dot_product_attention` and `nn.MultiheadAttention`.
extension LineResolver {
  /// The call of a module by its name, or of the function where the model has no module of the name.
  mutating func attention(_ name: String, _ arguments: [LineSyntax.Argument], _ node: Int) throws(RNNError) -> LineMeaning {
    let isModule = if case .attention? = modules[name] { true } else { false }
    var inputs: [String: Int] = [:], attention = Attention()
    let places = ["query", "key", "value", "key_padding_mask", "need_weights", "attn_mask"]
    for (position, argument) in arguments.enumerated() {
      let word = argument.keyword ?? (position < (isModule ? 6 : 3) ? places[position] : "")
      let given = text(argument.value)
      switch word {
      case "query", "key", "value":
        guard inputs.updateValue(argument.value, forKey: word) == nil else {
          throw source.error(offset(argument.value), "\(word) is given twice", "give it once")
        }
      // A mask of padding is what lengths are for.
      case "key_padding_mask" where isModule: useLengths(argument.value)
      case "need_weights", "average_attn_weights", "dropout_p", "training": break
      case "attn_mask" where given == "None", "is_causal" where given == "False": break
      case "heads" where !isModule:
        guard let heads = integer(argument.value), (1...Limits.maximumModuleSize).contains(heads) else {
          throw source.error(offset(argument.value), "\(given) is no number of heads", "write a whole number, attention(q, k, v, heads=2)")
        }
        attention.heads = heads
      case "scale" where !isModule:
        if given == "None" { break }
        guard let scale = number(argument.value), scale.isFinite else {
          throw source.error(offset(argument.value), "\(given) is no number", "write one, attention(q, k, v, scale=0.5)")
        }
        attention.scale = scale
      default:
        throw source.error(offset(argument.value), "\(spelled(name)) takes query, key and value; RNNKit has no \(argument.keyword ?? "further argument")",
          "leave it out if that gives the same numbers")
      }
    }
    guard let query = inputs["query"], let key = inputs["key"], let value = inputs["value"] else {
      throw source.error(offset(node), "\(spelled(name)) takes query, key and value", "write \(spelled(name))(q, k, v)\(isModule ? ", or (a, a, a) for self-attention" : "")")
    }
    var values: [Forward.Value] = []
    for part in [query, key, value] { values.append(try self.value(of: part)) }
    guard values[1...].allSatisfy({ shape($0).hasTime || shape($0).isOpen }) else {
      throw source.error(offset(key), "keys and values have no steps to attend to", "give it a sequence")
    }
    return isModule ? .call(try add(.module(name), values, at: node)) : .value(try add(.attend(attention), values, at: node))
  }
}
