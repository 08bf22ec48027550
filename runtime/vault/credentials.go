package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/noisefs/noisefs/messages"
	"golang.org/x/crypto/argon2"
)

// Mode is how a vault's master key is protected.
type Mode uint8

// The modes.
const (
	ModePassphrase Mode = 1
	ModeKeyFile    Mode = 2
	ModeNone       Mode = 3 // the key is readable: whoever has the disk reads all
)

// String returns the mode as vault.json has it.
func (m Mode) String() string {
	switch m {
	case ModePassphrase:
		return "passphrase"
	case ModeKeyFile:
		return "key-file"
	case ModeNone:
		return "none"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

func (m Mode) words() string {
	switch m {
	case ModePassphrase:
		return "a passphrase"
	case ModeKeyFile:
		return "a key file"
	}
	return "nothing"
}

func parseMode(text string) (Mode, error) {
	for _, m := range []Mode{ModePassphrase, ModeKeyFile, ModeNone} {
		if text == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("%w: unknown mode", ErrCorrupt)
}

// Size of a key file in bytes.
const (
	KeyFileSizeMin = 32
	KeyFileSizeMax = 4096
	keyFileSize    = 32 // what we generate
)

// Bounds of the cost of Argon2id, enforced when a vault is written and when
// it is read. The lower ones are OWASP's weakest recommended setting
// (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane). The upper ones
// keep a hostile file below 1 GiB and about a minute of work.
const (
	PassesMin    = 2
	PassesMax    = 16
	MemoryKiBMin = 19 << 10
	MemoryKiBMax = 1 << 20
	LanesMin     = 1
	LanesMax     = 16
)

// Argon2 is the cost of stretching a passphrase with Argon2id (RFC 9106).
// The zero value stands for the default, RFC 9106's second recommended
// option: 3 passes over 64 MiB in 4 lanes.
type Argon2 struct {
	Passes    uint32 `json:"passes"`     // t; time grows with it
	MemoryKiB uint32 `json:"memory_kib"` // m; time and memory grow with it
	Lanes     uint8  `json:"lanes"`      // p; cores that work at once
}

// Validate returns [ErrCost] unless every parameter is within its bounds.
func (a Argon2) Validate() error {
	for _, p := range []struct {
		name             string
		value, low, high uint32
	}{
		{"passes", a.Passes, PassesMin, PassesMax},
		{"memory_kib", a.MemoryKiB, MemoryKiBMin, MemoryKiBMax},
		{"lanes", uint32(a.Lanes), LanesMin, LanesMax},
	} {
		if p.value < p.low || p.value > p.high {
			return fmt.Errorf("%w: %s is %d, allowed are %d to %d",
				ErrCost, p.name, p.value, p.low, p.high)
		}
	}
	return nil
}

// Options are the choices at writing a vault.
type Options struct {
	// Argon2 is the cost of each later Open. The zero value is the default.
	Argon2 Argon2
}

// EnsureDefaults replaces a zero cost by the default.
func (o *Options) EnsureDefaults() {
	if o.Argon2 == (Argon2{}) {
		o.Argon2 = Argon2{Passes: 3, MemoryKiB: 64 << 10, Lanes: 4}
	}
}

// LowestCost returns the weakest allowed cost: for tests, and for machines
// that have no 64 MiB to spare.
func LowestCost() Options {
	return Options{Argon2{Passes: PassesMin, MemoryKiB: MemoryKiBMin, Lanes: LanesMin}}
}

// Credentials open a vault. Make them with [WithPassphrase], [WithKeyFile]
// or [WithNothing]; the zero value opens nothing. They print as [redacted].
type Credentials struct {
	mode       Mode
	passphrase Passphrase
	keyFile    string // path
}

var (
	_ fmt.Formatter  = Credentials{}
	_ slog.LogValuer = Credentials{}
)

// WithPassphrase opens by a passphrase. It is shared, not copied: the caller
// wipes it when done.
func WithPassphrase(passphrase Passphrase) Credentials {
	return Credentials{mode: ModePassphrase, passphrase: passphrase}
}

// WithKeyFile opens by the file at path, 32 to 4096 random bytes.
func WithKeyFile(path string) Credentials {
	return Credentials{mode: ModeKeyFile, keyFile: path}
}

// WithNothing opens a vault whose key is readable.
func WithNothing() Credentials { return Credentials{mode: ModeNone} }

// Format implements [fmt.Formatter].
func (Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, messages.Redacted) }

// LogValue implements [slog.LogValuer].
func (Credentials) LogValue() slog.Value { return slog.StringValue(messages.Redacted) }

// prepare makes the credentials fit to protect dir's vault: refuses an empty
// passphrase, and generates a key file that is not there yet.
func (c Credentials) prepare(dir string) error {
	switch c.mode {
	case ModePassphrase:
		if c.passphrase.IsEmpty() {
			return fmt.Errorf("%w: it is empty", ErrPassphrase)
		}
		return nil
	case ModeKeyFile:
		if inside(dir, c.keyFile) {
			return fmt.Errorf("%w: it lies in the repository that it should protect", ErrKeyFile)
		}
		return generateKeyFile(c.keyFile)
	case ModeNone:
		return nil
	}
	return fmt.Errorf("%w: none were given", ErrCredentials)
}

// stretch turns the credentials into the secret that wraps the master key;
// the caller wipes it. cost was validated.
func (c Credentials) stretch(salt []byte, cost Argon2) ([]byte, error) {
	if c.mode == ModeKeyFile {
		return readKeyFile(c.keyFile)
	}
	if err := cost.Validate(); err != nil { // the pair of the check at decoding
		return nil, err
	}
	return argon2.IDKey(c.passphrase.Bytes(), salt, cost.Passes, cost.MemoryKiB,
		cost.Lanes, messages.SecretSize), nil
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	key := make([]byte, KeyFileSizeMax+1)
	n, err := io.ReadFull(f, key)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		wipe(key)
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	if n < KeyFileSizeMin || n > KeyFileSizeMax {
		wipe(key)
		return nil, fmt.Errorf("%w: a key file has %d to %d bytes",
			ErrKeyFile, KeyFileSizeMin, KeyFileSizeMax)
	}
	return key[:n], nil
}

// generateKeyFile writes a new key file and makes it durable. A file that is
// already there is left as it is: it is to be used.
func generateKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	key := make([]byte, keyFileSize)
	defer wipe(key)
	_, _ = rand.Read(key) // never fails: it stops the process
	_, err = f.Write(key)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyFile, errors.Join(err, os.Remove(path)))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// inside reports whether path lies in or below dir, symbolic links of the
// folders resolved. What cannot be resolved is left to the open that follows.
func inside(dir, path string) bool {
	dir, dirErr := canonical(dir)
	parent, pathErr := canonical(filepath.Dir(path))
	if dirErr != nil || pathErr != nil {
		return false
	}
	rel, err := filepath.Rel(dir, parent)
	return err == nil && filepath.IsLocal(rel)
}

func canonical(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// wipe overwrites key material that is no longer needed.
func wipe(p []byte) {
	clear(p)
	runtime.KeepAlive(p) // the stores count as used, so they stay
}
