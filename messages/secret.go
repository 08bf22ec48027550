package messages

import (
	"fmt"
	"io"
	"log/slog"
)

// SecretSize is the length of a [Secret] in bytes.
const SecretSize = 32

// Redacted is what every secret prints as.
const Redacted = "[redacted]"

// Secret is a 32-byte key. However it is printed, logged or marshalled, it
// shows as [Redacted]; the bytes are reached only by slicing.
type Secret [SecretSize]byte

var (
	_ fmt.Formatter  = Secret{}
	_ slog.LogValuer = Secret{}
)

// Format implements [fmt.Formatter] for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// String returns [Redacted].
func (Secret) String() string { return Redacted }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements [encoding.TextMarshaler], so that JSON, TOML and
// YAML show [Redacted] too.
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// IsZero reports whether no key was set. It is not constant-time: whether a
// key is present is no secret.
func (s Secret) IsZero() bool { return s == Secret{} }
