package cluster

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/pnet"

	"github.com/noisefs/noisefs/messages"
)

// ErrSecret reports bytes that are no file of a network's secret.
var ErrSecret = errors.New("cluster: not the secret of a network")

// NetworkSecret is what the nodes of a private network share. Like every
// secret it prints as redacted.
type NetworkSecret = messages.Secret

// secretHead begins a file of a network's secret, which is that of other
// programs on libp2p ("swarm.key"); the secret follows in hex.
// Source: https://github.com/libp2p/specs/blob/master/pnet/Private-Networks-PSK-V1.md
const secretHead = "/key/swarm/psk/1.0.0/\n/base16/\n"

// SecretFileBytesMax bounds a file of a network's secret.
const SecretFileBytesMax = 1 << 10

// ParseSecret reads the file of a network's secret.
func ParseSecret(file []byte) (*NetworkSecret, error) {
	if len(file) > SecretFileBytesMax {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrSecret, SecretFileBytesMax)
	}
	key, err := pnet.DecodeV1PSK(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: it ought to begin with /key/swarm/psk/1.0.0/", ErrSecret)
	}
	secret := NetworkSecret(key)
	clear(key)
	return &secret, nil
}

// FormatSecret makes the file of a network's secret.
func FormatSecret(secret *NetworkSecret) []byte {
	return append(hex.AppendEncode([]byte(secretHead), secret[:]), '\n')
}
