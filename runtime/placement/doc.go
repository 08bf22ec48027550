// Package placement computes which members of the network should hold a
// block, in order of preference. Everybody who has the same view computes
// the same order, so a reader finds holders without asking anybody, and a
// wrong view costs a retry.
//
// # The order
//
// NodeIDs and CIDs are SHA-256 digests: points on one ring. The neighbourhood
// of a block is the [Neighbourhood] members that follow its CID on the ring.
// Among these, the order is weighted rendezvous hashing of (CID, node): a
// member that comes or goes moves only its own share of the blocks. Bounding
// the neighbourhood keeps the cost of an order constant in the size of the
// network, and lets a node that knows only a part of a very large network
// still compute the orders that lie near it.
//
// Weights come from the capacity that a member offers, in powers of two, at
// most [WeightRatioMax] times the median of the neighbourhood, and from the
// uptime that was observed. Members that offer nothing hold nothing.
//
// Where failure domains are known, neighbours in the order are from different
// ones as far as that is possible without loading a small domain with more
// than a few times its share.
//
// Two nodes that cannot be dialled cannot reach each other, so the first or
// the second place goes to a member that everybody can connect to.
//
// Sources: Thaler and Ravishankar, "Using name-based mappings to increase hit
// rates", 1998 (rendezvous hashing); Schindelhauer and Schomaker, "Weighted
// distributed hash tables", SPAA 2005 (the logarithmic method).
package placement
