// Package dht measures what it would take to find the holders of blocks by the
// provider records of a Kademlia DHT, as IPFS does, beside computing them.
//
// The hosts are those of libp2p, all in this process, over TCP on loopback, and
// the DHT is the one that NoiseFS finds members by, except that it keeps provider
// records. Every operation begins at a host without connections: a node cannot
// be connected with all of a large network. Loopback has no latency, so that
// times are those of the work alone; over a real network each round of messages
// adds a round trip, and each connection several.
package dht
