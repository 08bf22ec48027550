package vault

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/awnumar/memguard"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/atomicfile"
)

// Errors of a vault.
var (
	// ErrNoVault: the folder has no vault.json, so it is no repository.
	ErrNoVault = errors.New("vault: no vault.json in this folder")
	// ErrExists: Create found a vault, and will not overwrite its key.
	ErrExists = errors.New("vault: the folder already has a vault.json")
	// ErrNewer: the file was written by a newer version of NoiseFS.
	ErrNewer = errors.New("vault: written by a newer version of NoiseFS")
	// ErrCorrupt: the file is damaged or not a vault at all.
	ErrCorrupt = errors.New("vault: vault.json is damaged")
	// ErrCost: the file asks for too little or too much work.
	ErrCost = errors.New("vault: Argon2id cost out of bounds")
	// ErrWrongPassphrase: the passphrase does not open this vault.
	ErrWrongPassphrase = errors.New("vault: wrong passphrase")
	// ErrWrongKeyFile: the key file does not open this vault.
	ErrWrongKeyFile = errors.New("vault: wrong key file")
	// ErrCredentials: a passphrase was given for a key file vault, or so on.
	ErrCredentials = errors.New("vault: wrong kind of credentials")
	// ErrKeyFile: the key file cannot serve as one.
	ErrKeyFile = errors.New("vault: unusable key file")
	// ErrMemoryLock: the system refused to lock memory for the master key.
	ErrMemoryLock = errors.New("vault: cannot lock memory for the master key")
	// ErrPassphrase: no usable passphrase came from its source.
	ErrPassphrase = errors.New("vault: no usable passphrase")
	// ErrMismatch: a new passphrase was not typed the same way twice.
	ErrMismatch = errors.New("vault: the two passphrases differ")
)

// FileName is the name of the vault inside the repository folder.
const FileName = "vault.json"

// Purpose says what a derived key is for. Two purposes never share a key.
// A purpose's text is part of the format: it never changes.
type Purpose string

// The declared purposes. A key is for one algorithm and one job.
const (
	// PurposeIndexValues seals the rows of the index (AES-256-GCM).
	PurposeIndexValues Purpose = "index values"
	// PurposeIndexNames hashes row keys, so that look-ups tell nothing
	// (HMAC-SHA256).
	PurposeIndexNames Purpose = "index names"
	// PurposeHistory hashes the tuple history (HMAC-SHA256).
	PurposeHistory Purpose = "tuple history"
	// PurposeIdentity is the seed of the node's network identity (Ed25519).
	PurposeIdentity Purpose = "network identity"
	// PurposeNetwork seals the secret of a private network (AES-256-GCM).
	PurposeNetwork Purpose = "network secret"
)

// Purposes returns all declared purposes.
func Purposes() []Purpose {
	return []Purpose{
		PurposeIndexValues, PurposeIndexNames, PurposeHistory, PurposeIdentity, PurposeNetwork,
	}
}

// Vault is an open vault: the master key in locked memory. It may be used
// from many goroutines. It prints as [redacted].
type Vault struct {
	repository [RepositoryIDSize]byte
	mode       Mode

	mu     sync.Mutex // guards master against Close
	master *memguard.LockedBuffer
}

var (
	_ fmt.Formatter  = (*Vault)(nil)
	_ slog.LogValuer = (*Vault)(nil)
)

// Create draws a new master key and repository id, and writes dir's vault.
// The folder must exist. A key file that does not exist is generated (0600,
// 32 random bytes), durable before the vault that needs it.
//
// Errors: [ErrExists], [ErrCredentials], [ErrKeyFile], [ErrCost],
// [ErrPassphrase] (empty), [ErrMemoryLock], and those of the disk.
func Create(dir string, credentials Credentials, options Options) (*Vault, error) {
	options.EnsureDefaults()
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, fmt.Errorf("vault: create: %w", err)
		}
		return nil, ErrExists
	}
	header := newHeader(credentials.mode, options)
	_, _ = rand.Read(header.repository[:]) // never fails: it stops the process
	var master messages.Secret
	defer wipe(master[:])
	_, _ = rand.Read(master[:])

	// What can fail without a trace comes BEFORE the file: a Create that
	// failed can be tried again.
	moved := master
	v, err := newVault(header, &moved)
	if err != nil {
		return nil, err
	}
	if err := write(dir, header, &master, credentials); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// Open reads dir's vault and unwraps the master key.
//
// Errors: [ErrNoVault], [ErrNewer], [ErrCorrupt], [ErrCost],
// [ErrCredentials], [ErrWrongPassphrase], [ErrWrongKeyFile], [ErrKeyFile],
// [ErrMemoryLock], and those of the disk.
//
// It costs what [Options] said when the vault was written: by default 64 MiB
// of memory, and 0.15 s when measured on two cores.
func Open(dir string, credentials Credentials) (*Vault, error) {
	// A change that was cut short may have left a file that opens with
	// credentials nobody expects. On a read-only disk it has to stay.
	_ = atomicfile.Discard(filepath.Join(dir, FileName))

	record, err := readRecord(dir)
	if err != nil {
		return nil, err
	}
	var master messages.Secret
	defer wipe(master[:])
	if err := record.unwrap(credentials, &master); err != nil {
		return nil, err
	}
	return newVault(record.header, &master)
}

// ModeOf tells how dir's vault is protected, so that a caller knows what to
// ask for. It needs no credentials. Errors: [ErrNoVault], [ErrNewer],
// [ErrCorrupt], [ErrCost].
func ModeOf(dir string) (Mode, error) {
	record, err := readRecord(dir)
	if err != nil {
		return 0, err
	}
	return record.mode, nil
}

// ChangePassphrase wraps the master key of dir's vault with new credentials
// instead of old ones, which must open it; the modes may differ. Data is not
// touched, and an open [Vault] stays good. On error the old credentials go
// on working. If the process dies, either the old or the new ones do. The
// errors are those of [Open] and [Create].
func ChangePassphrase(dir string, old, new Credentials, options Options) error {
	options.EnsureDefaults()
	record, err := readRecord(dir)
	if err != nil {
		return err
	}
	var master messages.Secret
	defer wipe(master[:])
	if err := record.unwrap(old, &master); err != nil {
		return err
	}
	header := newHeader(new.mode, options)
	header.repository = record.repository
	return write(dir, header, &master, new)
}

// write wraps master and replaces dir's vault.
func write(dir string, h header, master *messages.Secret, credentials Credentials) error {
	if err := credentials.prepare(dir); err != nil {
		return err
	}
	record, err := wrap(h, master, credentials)
	if err != nil {
		return err
	}
	data := record.encode()
	defer wipe(data)
	if err := proveOpens(data, master, credentials); err != nil {
		return err
	}
	if err := atomicfile.Replace(filepath.Join(dir, FileName), data, 0o600); err != nil {
		return fmt.Errorf("vault: write: %w", err)
	}
	return nil
}

// proveOpens opens data the way a later Open will, BEFORE it replaces the
// only copy of the master key.
func proveOpens(data []byte, master *messages.Secret, credentials Credentials) error {
	record, err := decode(data)
	if err != nil {
		return fmt.Errorf("vault: proof of the new file: %w", err)
	}
	var again messages.Secret
	defer wipe(again[:])
	if err := record.unwrap(credentials, &again); err != nil {
		return fmt.Errorf("vault: proof of the new file: %w", err)
	}
	if again != *master {
		return fmt.Errorf("%w: proof of the new file: another key came out", ErrCorrupt)
	}
	return nil
}

// newVault moves master into locked memory; it is zero afterwards.
func newVault(h header, master *messages.Secret) (*Vault, error) {
	locked, err := lock(master[:])
	if err != nil {
		return nil, err
	}
	return &Vault{repository: h.repository, mode: h.mode, master: locked}, nil
}

// lock moves key into locked memory and wipes it where it was.
func lock(key []byte) (locked *memguard.LockedBuffer, err error) {
	// memguard panics when mlock(2) is refused. That is not a bug but a
	// limit of the system, which a user can lift.
	defer func() {
		if recover() != nil {
			wipe(key)
			locked, err = nil, fmt.Errorf("%w: raise the limit (ulimit -l, LimitMEMLOCK=)",
				ErrMemoryLock)
		}
	}()
	return memguard.NewBufferFromBytes(key), nil
}

// Derive returns the key of a purpose: HKDF-SHA256 of the master key, salted
// with the repository id. The same vault gives the same key for ever. The
// caller owns the copy and wipes it when done.
//
// A purpose that is not declared here, or a closed vault, is a bug of the
// caller, and panics.
func (v *Vault) Derive(purpose Purpose) messages.Secret {
	if !slices.Contains(Purposes(), purpose) {
		panic("vault: undeclared purpose " + string(purpose))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.master == nil {
		panic("vault: Derive after Close")
	}
	key, err := hkdf.Key(sha256.New, v.master.Bytes(), v.repository[:],
		"noisefs 0 "+string(purpose), messages.SecretSize)
	if err != nil { // only for absurd lengths
		panic(err)
	}
	secret := messages.Secret(key)
	wipe(key)
	return secret
}

// RepositoryID returns the random id drawn when the repository was made. It
// is no secret, but like all of vault.json it does not go over the network.
func (v *Vault) RepositoryID() [RepositoryIDSize]byte { return v.repository }

// Mode returns how the vault was protected when it was opened.
func (v *Vault) Mode() Mode { return v.mode }

// Close wipes the master key. It may be called more than once.
func (v *Vault) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.master != nil {
		v.master.Destroy()
		v.master = nil
	}
}

// Format implements [fmt.Formatter].
func (*Vault) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, messages.Redacted) }

// LogValue implements [slog.LogValuer].
func (*Vault) LogValue() slog.Value { return slog.StringValue(messages.Redacted) }
