import RNNFormats
import RNNHDF5
import RNNModel
import Testing

@Test func dumpAll() throws {
  for name in ["numbers", "filters", "userblock", "links", "kinds", "attributes", "large_attribute"] {
    let tree = try HDF5File.readTree(String(#filePath.dropLast("ReadingTests.swift".count)) + "Fixtures/\(name).h5")
    print("=====", name)
    func show(_ group: HDF5Tree.Group, _ indent: String) {
      for a in group.attributes { print(indent, "@", a.name, a.value.text.prefix(80)) }
      for child in group.children {
        switch child.node {
        case .group(let g): print(indent, child.name, "group", g.isOrdered); show(g, indent + "  ")
        case .dataset(let d):
          print(indent, child.name, d.tensor.elementType, d.tensor.shape, d.fileOffset as Any, d.tensor.withUnsafeBytes { Array($0.prefix(16)) }, d.attributes)
        case .strings(let s): print(indent, child.name, s.json.text)
        }
      }
    }
    print(tree.root.isOrdered)
    show(tree.root, "")
    for u in tree.unreadable { print("!", u.path, u.reason) }
  }
}
