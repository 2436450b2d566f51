import RNNModel

/// The graph that RNNKit writes for an architecture, for comparison with the one of the file that states it.
///
/// What is computed can be written in one graph only: where the file's is that, node for node, the file is as RNNKit
/// wrote it, and its architecture needs no other proof. Modules' weights are those that the file's graph itself feeds to
/// the nodes.
struct RewrittenGraph {
  private let graph: GraphProto

  /// Nil where no graph can be written.
  init?(_ architecture: Architecture, _ tensors: [NamedTensor]) {
    var archive = TensorArchive()
    var builder = GraphBuilder(isOutline: true)
    do throws(RNNError) {
      for tensor in tensors { try archive.append(tensor.name, tensor.tensor) }
      graph = try ONNXWriter(Model(archive, architecture: architecture)).graph(&builder)
    } catch { return nil }
  }

  /// Whether it is the graph that was read, which computes with the same numbers.
  func isSame(as reader: GraphReader) throws(RNNError) -> Bool {
    guard reader.opset == ONNXWriter.operatorSet, graph.node == reader.graph.node, graph.input == reader.graph.input,
      graph.output == reader.graph.output, graph.initializer.map(\.name) == reader.initializerNames
    else { return false }
    for proto in graph.initializer where !proto.dims.isEmpty || proto.hasRawData {
      guard try reader.stored(proto.name)?.proto.isSame(as: proto) ?? false else { return false }
    }
    return true
  }
}

extension TensorProto {
  fileprivate func isSame(as other: TensorProto) -> Bool {
    dims == other.dims && dataType == other.dataType && rawData == other.rawData
  }
}
