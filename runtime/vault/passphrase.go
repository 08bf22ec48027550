package vault

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"

	"github.com/noisefs/noisefs/messages"
)

// PassphraseSizeMax is the longest passphrase in bytes.
const PassphraseSizeMax = 4096

// Passphrase is a secret that a person knows. However it is printed, logged
// or marshalled it shows as [redacted]. Copies share the bytes, so one
// [Passphrase.Wipe] wipes them all. The zero value is empty.
type Passphrase struct {
	// A pointer, because the one verb that fmt does not hand to Format, %p,
	// prints what it finds in a struct; here that is an address.
	bytes *[]byte
}

var (
	_ fmt.Formatter  = Passphrase{}
	_ slog.LogValuer = Passphrase{}
)

// NewPassphrase takes ownership of p: the caller neither reads nor writes it
// again, and wipes it through the Passphrase. Empty or longer than
// [PassphraseSizeMax] is [ErrPassphrase].
func NewPassphrase(p []byte) (Passphrase, error) {
	if len(p) == 0 {
		return Passphrase{}, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	if len(p) > PassphraseSizeMax {
		wipe(p)
		return Passphrase{}, fmt.Errorf("%w: it is longer than %d bytes",
			ErrPassphrase, PassphraseSizeMax)
	}
	return Passphrase{&p}, nil
}

// Bytes returns the passphrase itself. It is shared: do not keep or change it.
func (p Passphrase) Bytes() []byte {
	if p.bytes == nil {
		return nil
	}
	return *p.bytes
}

// IsEmpty reports whether there is no passphrase, or it was wiped.
func (p Passphrase) IsEmpty() bool { return len(p.Bytes()) == 0 }

// Equal compares in constant time for passphrases of one length.
func (p Passphrase) Equal(other Passphrase) bool {
	return subtle.ConstantTimeCompare(p.Bytes(), other.Bytes()) == 1
}

// Wipe overwrites the bytes. This and all copies are empty from then on.
func (p Passphrase) Wipe() {
	if p.bytes != nil {
		wipe((*p.bytes)[:cap(*p.bytes)])
		*p.bytes = nil
	}
}

// Format implements [fmt.Formatter] for every verb and flag.
func (Passphrase) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, messages.Redacted) }

// String returns [messages.Redacted].
func (Passphrase) String() string { return messages.Redacted }

// LogValue implements [slog.LogValuer].
func (Passphrase) LogValue() slog.Value { return slog.StringValue(messages.Redacted) }

// MarshalText implements [encoding.TextMarshaler], which JSON, TOML and YAML
// use too.
func (Passphrase) MarshalText() ([]byte, error) { return []byte(messages.Redacted), nil }

// trimLine removes one line ending, which an editor or echo(1) put there.
func trimLine(p []byte) []byte {
	p = bytes.TrimSuffix(p, []byte("\n"))
	return bytes.TrimSuffix(p, []byte("\r"))
}
