// Package runtime turns actors into a node. Nothing lives at this level but
// its tests, which keep the rules of the house: what may import what, what
// an actor may not do, how long a file may be.
//
//   - format: the block codec, nodes, packs and links; pure codecs
//   - port: what an actor may touch of the world, as interfaces
//   - shell, tree: our layer over Proto.Actor, and supervision as data
//   - blockstore, index, vault: what lies on disk
//   - host: the production side of the ports
//   - node: the composition root and the Client interface
//   - config, api: typed configuration, and the HTTP API of the daemon
package runtime
