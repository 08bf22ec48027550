package cluster

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/noisefs/noisefs/messages"
)

// ErrNotNode reports a peer whose key is not Ed25519: it cannot be a node.
var ErrNotNode = errors.New("cluster: not the identity of a node")

// peerPrefix begins the peer ID of every Ed25519 key: an identity multihash of
// 36 bytes, which are the protobuf of a public key (type 1, 32 bytes).
// Source: https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
const peerPrefix = "\x00\x24\x08\x01\x12\x20"

// peerOf returns the peer ID of a node.
func peerOf(id messages.NodeID) peer.ID { return peer.ID(peerPrefix + string(id[:])) }

// nodeOf returns the node of a peer ID, or ErrNotNode.
func nodeOf(id peer.ID) (messages.NodeID, error) {
	var node messages.NodeID
	if len(id) != len(peerPrefix)+len(node) || id[:len(peerPrefix)] != peerPrefix {
		return node, fmt.Errorf("%w: %s", ErrNotNode, id)
	}
	copy(node[:], id[len(peerPrefix):])
	return node, nil
}

// keyOf makes the key of a seed. libp2p keeps it for as long as the node runs.
func keyOf(seed *messages.Secret) (crypto.PrivKey, error) {
	return crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
}
