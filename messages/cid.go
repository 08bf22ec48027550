package messages

import (
	"bytes"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mr-tron/base58"
)

// ErrBadCID reports text that is not a CID of a NoiseFS block.
var ErrBadCID = errors.New("messages: not a CIDv1 of a raw sha2-256 block")

// ErrBadNodeID reports text that is not the ID of a node.
var ErrBadNodeID = errors.New("messages: not the ID of a node")

// CIDSize is the length of a [CID] in bytes.
const CIDSize = 32

// CID names a block: the SHA-256 of its bytes. Every block of NoiseFS is an
// IPFS block of CID version 1, codec raw (0x55), multihash sha2-256, so the
// digest is all that varies and all that is kept.
type CID [CIDSize]byte

// cidPrefix is what stands before the digest in a binary CIDv1:
// version 1, codec raw, multihash sha2-256 of 32 bytes.
// Source: https://github.com/multiformats/cid
var cidPrefix = [4]byte{0x01, 0x55, 0x12, 0x20}

// cidBase is the multibase "base32 lower case, no padding", whose prefix
// letter is b. It is the default text form of a CIDv1.
var cidBase = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String returns the text form that IPFS tools print, 59 characters long.
func (c CID) String() string {
	var raw [len(cidPrefix) + CIDSize]byte
	copy(raw[:], cidPrefix[:])
	copy(raw[len(cidPrefix):], c[:])
	return "b" + cidBase.EncodeToString(raw[:])
}

// ParseCID reads the text form. Only CIDs that name a NoiseFS block (version
// 1, raw, sha2-256, base32) are accepted; all else is [ErrBadCID].
func ParseCID(text string) (CID, error) {
	var c CID
	body, ok := strings.CutPrefix(text, "b")
	if !ok || len(text) != 59 {
		return c, fmt.Errorf("%w: want 59 characters that begin with %q", ErrBadCID, "bafkrei")
	}
	raw, err := cidBase.DecodeString(body)
	if err != nil || len(raw) != len(cidPrefix)+CIDSize || !bytes.HasPrefix(raw, cidPrefix[:]) {
		return c, fmt.Errorf("%w: want version 1, raw, sha2-256, in base32", ErrBadCID)
	}
	copy(c[:], raw[len(cidPrefix):])
	if c.String() != text { // base32 has spare bits: only one spelling counts
		return CID{}, fmt.Errorf("%w: not in canonical form", ErrBadCID)
	}
	return c, nil
}

// MarshalText implements [encoding.TextMarshaler] with the text form.
func (c CID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *CID) UnmarshalText(text []byte) error {
	parsed, err := ParseCID(string(text))
	*c = parsed
	return err
}

// IsZero reports whether c is the zero value, which names no block.
func (c CID) IsZero() bool { return c == CID{} }

// Compare orders CIDs bytewise: -1, 0 or +1.
func (c CID) Compare(other CID) int { return bytes.Compare(c[:], other[:]) }

// Short returns the first four bytes in hex, for test failures. Production
// logs carry no CIDs.
func (c CID) Short() string { return hex.EncodeToString(c[:4]) }

// NodeID names a node: its public identity key (Ed25519), so that whoever knows
// the ID can prove who speaks, and needs nothing else to ask for an address.
type NodeID [32]byte

// nodePrefix is what stands before the key in a libp2p peer ID: an identity
// multihash of 36 bytes, which are the protobuf of an Ed25519 public key.
// Source: https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
var nodePrefix = [6]byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}

// String returns the text form that libp2p's tools print, as 12D3KooW….
func (n NodeID) String() string {
	return base58.Encode(append(nodePrefix[:], n[:]...))
}

// MarshalText implements [encoding.TextMarshaler] with the text form.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *NodeID) UnmarshalText(text []byte) error {
	raw, err := base58.Decode(string(text))
	if err != nil || len(raw) != len(nodePrefix)+len(n) || !bytes.HasPrefix(raw, nodePrefix[:]) {
		return fmt.Errorf("%w: want a peer ID of an Ed25519 key, as 12D3KooW…", ErrBadNodeID)
	}
	copy(n[:], raw[len(nodePrefix):])
	return nil
}
