/// Places of boxes and arrows, in layers: each box above all that it takes from.
///
/// An arrow that passes layers keeps a lane free in each of them, so that none runs through a box. Within a layer boxes keep
/// their distance, and layers lie in bands above each other: nothing overlaps, whatever the graph.
package struct LayeredLayout {
  package struct Size {
    package var width: Double
    package var height: Double

    package init(width: Double, height: Double) { (self.width, self.height) = (width, height) }
  }

  /// From a box to another one; `port` counts what the target takes, from the left.
  package struct Edge: Hashable {
    package var source: Int
    package var target: Int
    package var port: Int

    package init(source: Int, target: Int, port: Int) { (self.source, self.target, self.port) = (source, target, port) }
  }

  package struct Point {
    package var x: Double
    package var y: Double
  }

  /// The middle of each box, y downwards.
  package private(set) var centers: [Point] = []
  /// For each edge the points that it runs through, from the top of its source to the bottom of its target: between two points
  /// that are not in one column it may bend.
  package private(set) var routes: [[Point]] = []
  package private(set) var width = 0.0
  package private(set) var height = 0.0

  package static let gap = 26.0
  static let layerGap = 46.0
  private static let lane = 12.0

  /// A box, or the lane that arrows from `source` share.
  private struct Node {
    var layer: Int
    var size: Size
    var isLane: Bool
    var x = 0.0
  }

  /// - Parameters:
  ///   - sizes: Of the boxes, in an order in which each comes after all that it takes from.
  ///   - edges: Each from an earlier box to a later one.
  ///   - isLate: Boxes that stand as near as may be to what takes them, rather than as low as may be.
  ///   - rows: For boxes without edges, how many stand in one layer.
  package init(_ sizes: [Size], _ edges: [Edge], isLate: [Bool], rows: Int = 4) {
    guard !sizes.isEmpty else { return }
    let edges = edges.filter { $0.source < $0.target && sizes.indices.contains($0.target) && $0.source >= 0 }
    var nodes = Self.layered(sizes, edges, isLate, rows)
    let lanes = Self.lanes(&nodes, edges)
    let links = Self.links(edges, lanes, nodes)
    var layers = Self.ordered(nodes, links)
    Self.place(&nodes, &layers, links)
    draw(nodes, layers, edges, lanes, count: sizes.count)
  }

  private static func layered(_ sizes: [Size], _ edges: [Edge], _ isLate: [Bool], _ rows: Int) -> [Node] {
    var layer = [Int](repeating: 0, count: sizes.count)
    let byTarget = Dictionary(grouping: edges, by: \.target)
    for index in sizes.indices {
      layer[index] = (byTarget[index] ?? []).map { layer[$0.source] + 1 }.max() ?? 0
    }
    let bySource = Dictionary(grouping: edges, by: \.source)
    for index in sizes.indices where isLate[index] && byTarget[index] == nil {
      if let least = (bySource[index] ?? []).map({ layer[$0.target] }).min() { layer[index] = max(least - 1, 0) }
    }
    if edges.isEmpty { for index in sizes.indices { layer[index] = index / rows } }
    return sizes.indices.map { Node(layer: layer[$0], size: sizes[$0], isLane: false) }
  }

  /// The lanes that arrows from one source share, by source and layer.
  private static func lanes(_ nodes: inout [Node], _ edges: [Edge]) -> [[Int: Int]] {
    var lanes = [[Int: Int]](repeating: [:], count: nodes.count)
    for edge in edges {
      let (from, to) = (nodes[edge.source].layer + 1, nodes[edge.target].layer)
      guard from < to else { continue }
      for layer in from..<to where lanes[edge.source][layer] == nil {
        lanes[edge.source][layer] = nodes.count
        nodes.append(Node(layer: layer, size: Size(width: lane, height: 0), isLane: true))
      }
    }
    return lanes
  }

  private struct Link: Hashable {
    var lower: Int
    var upper: Int
    /// Where the arrow enters the upper node, from its middle.
    var offset: Double
  }

  private static func entry(_ edge: Edge, _ ports: Int, _ width: Double) -> Double {
    guard ports > 1 else { return 0 }
    let span = min(width - 28, Double(ports - 1) * 22)
    return (Double(edge.port) / Double(ports - 1) - 0.5) * span
  }

  private static func ports(_ edges: [Edge]) -> [Int: Int] {
    edges.reduce(into: [:]) { $0[$1.target] = max($0[$1.target] ?? 0, $1.port + 1) }
  }

  private static func links(_ edges: [Edge], _ lanes: [[Int: Int]], _ nodes: [Node]) -> [Link] {
    let ports = ports(edges)
    var result: [Link] = []
    var seen = Set<Link>()
    for edge in edges {
      var lower = edge.source
      for layer in nodes[edge.source].layer + 1..<nodes[edge.target].layer {
        guard let lane = lanes[edge.source][layer] else { continue }
        let link = Link(lower: lower, upper: lane, offset: 0)
        if seen.insert(link).inserted { result.append(link) }
        lower = lane
      }
      let offset = entry(edge, ports[edge.target] ?? 1, nodes[edge.target].size.width)
      let link = Link(lower: lower, upper: edge.target, offset: offset)
      if seen.insert(link).inserted { result.append(link) }
    }
    return result
  }

  /// The nodes of each layer from the left, so that few arrows cross: each near the middle of its neighbours.
  private static func ordered(_ nodes: [Node], _ links: [Link]) -> [[Int]] {
    var layers = [[Int]](repeating: [], count: (nodes.map(\.layer).max() ?? 0) + 1)
    for (index, node) in nodes.enumerated() { layers[node.layer].append(index) }
    let below = Dictionary(grouping: links, by: \.upper), above = Dictionary(grouping: links, by: \.lower)
    var position = [Double](repeating: 0, count: nodes.count)
    func number(_ layer: [Int]) { for (place, node) in layer.enumerated() { position[node] = Double(place) - Double(layer.count - 1) / 2 } }
    for layer in layers { number(layer) }
    func sort(_ layer: Int, _ neighbours: (Int) -> [Double]) {
      let keys = layers[layer].map { node in
        let all = neighbours(node)
        return all.isEmpty ? position[node] : all.reduce(0, +) / Double(all.count)
      }
      let order = layers[layer].indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
      layers[layer] = order.map { layers[layer][$0] }
      number(layers[layer])
    }
    for _ in 0..<6 {
      for layer in layers.indices { sort(layer) { node in (below[node] ?? []).map { position[$0.lower] } } }
      for layer in layers.indices.reversed() {
        sort(layer) { node in (above[node] ?? []).map { position[$0.upper] + $0.offset / 1000 } }
      }
    }
    return layers
  }

  /// Places of the nodes of each layer: as near as can be to their neighbours', without coming too near to each other.
  private static func place(_ nodes: inout [Node], _ layers: inout [[Int]], _ links: [Link]) {
    let below = Dictionary(grouping: links, by: \.upper), above = Dictionary(grouping: links, by: \.lower)
    for layer in layers {
      var x = 0.0
      for node in layer {
        nodes[node].x = x + nodes[node].size.width / 2
        x += nodes[node].size.width + gap
      }
      for node in layer { nodes[node].x -= x / 2 }
    }
    func settle(_ layer: [Int], _ wanted: (Int) -> [Double]) {
      let wishes = layer.map { node in
        let all = wanted(node)
        return all.isEmpty ? nodes[node].x : all.reduce(0, +) / Double(all.count)
      }
      // A lane bends where it moves; a box looks well anywhere.
      let weights = layer.map { nodes[$0].isLane ? 8.0 : 1.0 }
      let distances = zip(layer, layer.dropFirst()).map { (nodes[$0].size.width + nodes[$1].size.width) / 2 + gap }
      for (node, x) in zip(layer, spread(wishes, weights, distances)) { nodes[node].x = x }
    }
    for _ in 0..<10 {
      for layer in layers { settle(layer) { node in (below[node] ?? []).map { nodes[$0.lower].x - $0.offset } } }
      for layer in layers.reversed() { settle(layer) { node in (above[node] ?? []).map { nodes[$0.upper].x + $0.offset } } }
    }
    for layer in layers { settle(layer) { node in (below[node] ?? []).map { nodes[$0.lower].x - $0.offset } } }
  }

  /// The places nearest to those wished for, by weighted squares, of things in a row that keep their distances: pool adjacent
  /// violators.
  static func spread(_ wishes: [Double], _ weights: [Double], _ distances: [Double]) -> [Double] {
    // With the distances taken out, the order alone is left.
    var offsets = [0.0]
    for distance in distances { offsets.append((offsets.last ?? 0) + distance) }
    var blocks: [(sum: Double, weight: Double, count: Int)] = []
    for index in wishes.indices {
      blocks.append(((wishes[index] - offsets[index]) * weights[index], weights[index], 1))
      while blocks.count > 1, case (let a, let b) = (blocks[blocks.count - 2], blocks[blocks.count - 1]),
        a.sum / a.weight >= b.sum / b.weight
      {
        blocks.removeLast(2)
        blocks.append((a.sum + b.sum, a.weight + b.weight, a.count + b.count))
      }
    }
    let places = blocks.flatMap { [Double](repeating: $0.sum / $0.weight, count: $0.count) }
    return zip(places, offsets).map { $0 + $1 }
  }

  private mutating func draw(_ nodes: [Node], _ layers: [[Int]], _ edges: [Edge], _ lanes: [[Int: Int]], count: Int) {
    let left = nodes.map { $0.x - $0.size.width / 2 }.min() ?? 0
    width = (nodes.map { $0.x + $0.size.width / 2 }.max() ?? 0) - left
    let heights = layers.map { layer in layer.map { nodes[$0].size.height }.max() ?? 0 }
    height = heights.reduce(0, +) + Self.layerGap * Double(max(layers.count - 1, 0))
    var middles: [Double] = []
    var bottom = height
    for band in heights {
      middles.append(bottom - band / 2)
      bottom -= band + Self.layerGap
    }
    centers = nodes.prefix(count).map { Point(x: $0.x - left, y: middles[$0.layer]) }
    let ports = Self.ports(edges)
    routes = edges.map { edge in
      let (source, target) = (nodes[edge.source], nodes[edge.target])
      func top(_ layer: Int) -> Double { middles[layer] - heights[layer] / 2 }
      func low(_ layer: Int) -> Double { middles[layer] + heights[layer] / 2 }
      let x = source.x - left
      var points = [Point(x: x, y: middles[source.layer] - source.size.height / 2), Point(x: x, y: top(source.layer))]
      for layer in source.layer + 1..<target.layer {
        guard let lane = lanes[edge.source][layer] else { continue }
        points += [Point(x: nodes[lane].x - left, y: low(layer)), Point(x: nodes[lane].x - left, y: top(layer))]
      }
      let entry = target.x - left + Self.entry(edge, ports[edge.target] ?? 1, target.size.width)
      points += [Point(x: entry, y: low(target.layer)), Point(x: entry, y: middles[target.layer] + target.size.height / 2)]
      return points
    }
  }
}
