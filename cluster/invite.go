package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mr-tron/base58"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/noisefs/noisefs/messages"
)

// Errors of [ParseInvite].
var (
	// ErrInvite: the text is no invitation, or has a typo in it.
	ErrInvite = errors.New("cluster: not an invitation")
	// ErrExpired: it was one.
	ErrExpired = errors.New("cluster: the invitation has expired")
)

// Bounds of an invitation.
const (
	// InviteTextMax bounds its text, in bytes.
	InviteTextMax    = 8 << 10
	inviteAddressMax = 512 // bytes of one address
	inviteAddresses  = 8
)

// InvitePrefix begins the text of every invitation.
const InvitePrefix = "noisefs-invite:"

// Invite is all that another node needs to join a network. As text it is
// base58 of
//
//	1 byte    version, 0
//	8 bytes   when it expires, Unix seconds, big-endian
//	1 byte    1 with a secret, else 0
//	32 bytes  the secret, if there is one
//	1 byte    number of addresses, and for each 2 bytes of length and its text
//	4 bytes   the first ones of the SHA-256 of all before
//
// Whoever has the text of a private network's invitation has its secret: the
// date only keeps an old message from being of use by accident.
type Invite struct {
	Expires   time.Time // in whole seconds
	Secret    *NetworkSecret
	Addresses []string // multiaddrs with /p2p/ID
}

// inviteSum is the length of the checksum.
const inviteSum = 4

// String returns the redacted text: the real one is [FormatInvite]'s.
func (Invite) String() string { return messages.Redacted }

// FormatInvite returns the text.
func FormatInvite(i Invite) string {
	b := binary.BigEndian.AppendUint64([]byte{0}, uint64(i.Expires.Unix()))
	if i.Secret == nil {
		b = append(b, 0)
	} else {
		b = append(append(b, 1), i.Secret[:]...)
	}
	b = append(b, byte(len(i.Addresses)))
	for _, address := range i.Addresses {
		b = binary.BigEndian.AppendUint16(b, uint16(len(address)))
		b = append(b, address...)
	}
	sum := sha256.Sum256(b)
	return InvitePrefix + base58.Encode(append(b, sum[:inviteSum]...))
}

// ParseInvite reads the text. now tells whether it has expired.
func ParseInvite(text string, now time.Time) (Invite, error) {
	body, ok := strings.CutPrefix(text, InvitePrefix)
	if !ok || len(text) > InviteTextMax {
		return Invite{}, fmt.Errorf("%w: it ought to begin with %q", ErrInvite, InvitePrefix)
	}
	b, err := base58.Decode(body)
	if err != nil || len(b) < inviteSum {
		return Invite{}, fmt.Errorf("%w: there is a typo in it", ErrInvite)
	}
	b, given := b[:len(b)-inviteSum], b[len(b)-inviteSum:]
	if sum := sha256.Sum256(b); !slices.Equal(sum[:inviteSum], given) {
		return Invite{}, fmt.Errorf("%w: there is a typo in it", ErrInvite)
	}
	i, ok := decodeInvite(b)
	if !ok {
		return Invite{}, fmt.Errorf("%w: of another version, or malformed", ErrInvite)
	}
	for _, address := range i.Addresses {
		if err := ValidAddress(address); err != nil {
			return Invite{}, fmt.Errorf("%w: %w", ErrInvite, err)
		}
	}
	if now.After(i.Expires) {
		return Invite{}, fmt.Errorf("%w: on %s", ErrExpired, i.Expires.Format(time.RFC1123))
	}
	return i, nil
}

func decodeInvite(b []byte) (Invite, bool) {
	take := func(n int) []byte {
		if n > len(b) {
			b = nil
			return make([]byte, n) // zeros, which end what follows
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	if len(b) < 11 || take(1)[0] != 0 {
		return Invite{}, false
	}
	i := Invite{Expires: time.Unix(int64(binary.BigEndian.Uint64(take(8))), 0)}
	switch take(1)[0] {
	case 0:
	case 1:
		if len(b) < messages.SecretSize {
			return Invite{}, false
		}
		secret := NetworkSecret(take(messages.SecretSize))
		i.Secret = &secret
	default:
		return Invite{}, false
	}
	count := int(take(1)[0])
	if count == 0 || count > inviteAddresses {
		return Invite{}, false
	}
	for range count {
		n := int(binary.BigEndian.Uint16(take(2)))
		if n == 0 || n > inviteAddressMax || n > len(b) {
			return Invite{}, false
		}
		i.Addresses = append(i.Addresses, string(take(n)))
	}
	return i, len(b) == 0
}

// Invite makes an invitation to this node's network that expires at a time.
func (h *Host) Invite(expires time.Time) (Invite, error) {
	addresses := slices.DeleteFunc(h.Addresses(), func(text string) bool {
		return len(text) > inviteAddressMax
	})
	// Nobody elsewhere can use those of this machine alone, if there are others.
	elsewhere := slices.DeleteFunc(slices.Clone(addresses), ofThisMachine)
	if len(elsewhere) > 0 {
		addresses = elsewhere
	}
	if len(addresses) == 0 {
		return Invite{}, fmt.Errorf("%w: this node has no address", ErrAddress)
	}
	return Invite{
		Expires: expires.Truncate(time.Second), Secret: h.secret,
		Addresses: addresses[:min(len(addresses), inviteAddresses)],
	}, nil
}

// ofThisMachine reports whether an address leads to the machine that asks.
func ofThisMachine(text string) bool {
	address, err := multiaddr.NewMultiaddr(text)
	if err != nil {
		return true
	}
	ip, err := manet.ToIP(address)
	return err == nil && net.IP.IsLoopback(ip)
}
