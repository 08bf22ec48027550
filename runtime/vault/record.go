package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/noisefs/noisefs/messages"
)

// Version is the newest version of vault.json that this code reads and the
// one it writes.
const Version = 0

// Sizes in bytes.
const (
	RepositoryIDSize = 16

	saltSizeMin = 16 // RFC 9106 section 3.1 recommends 16
	saltSizeMax = 32
	saltSize    = 32      // what we write
	fileSizeMax = 4 << 10 // a real one has about 500
	// wrappedSize is nonce, sealed master key, tag.
	wrappedSize = 12 + messages.SecretSize + 16
)

// header is what is known of a vault without any credentials, and what is
// bound to the wrapped key as additional data.
type header struct {
	repository [RepositoryIDSize]byte
	mode       Mode
	salt       []byte // saltSizeMin..saltSizeMax; empty in mode none
	argon2     Argon2 // only in mode passphrase
}

// newHeader leaves out the cost of Argon2id where nothing is stretched.
func newHeader(mode Mode, options Options) header {
	if mode != ModePassphrase {
		return header{mode: mode}
	}
	return header{mode: mode, argon2: options.Argon2}
}

// record is the decoded content of vault.json.
type record struct {
	header
	key []byte // wrappedSize bytes; in mode none the master key itself
}

// recordJSON is the file as it stands. Every field is in every file, in this
// order, except that those of other modes are left out. Bytes are base64.
type recordJSON struct {
	Version     int     `json:"version"`
	Repository  []byte  `json:"repository"`
	Mode        string  `json:"mode"`
	Salt        []byte  `json:"salt,omitempty"`
	Argon2      *Argon2 `json:"argon2id,omitempty"`
	WrappedKey  []byte  `json:"wrapped_key,omitempty"`
	ReadableKey []byte  `json:"readable_key,omitempty"`
	Check       []byte  `json:"check"` // SHA-256 of the file with an empty check
}

// readRecord reads dir's vault.json.
func readRecord(dir string) (record, error) {
	f, err := os.Open(filepath.Join(dir, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, ErrNoVault
	}
	if err != nil {
		return record{}, fmt.Errorf("vault: open: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileSizeMax+1))
	defer wipe(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return record{}, fmt.Errorf("vault: read: %w", err)
	}
	return decode(data)
}

// decode reads the bytes of a vault.json. It accepts exactly what encode
// writes, so that every flipped byte is noticed. Errors: [ErrNewer],
// [ErrCorrupt], [ErrCost]; they quote nothing of the file.
func decode(data []byte) (record, error) {
	if len(data) > fileSizeMax {
		return record{}, fmt.Errorf("%w: larger than %d bytes", ErrCorrupt, fileSizeMax)
	}
	// The version comes first: a newer file may look different in all else.
	var peek struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &peek); err != nil {
		return record{}, fmt.Errorf("%w: not a JSON object", ErrCorrupt)
	}
	if peek.Version > Version {
		return record{}, fmt.Errorf("%w: version %d, this program knows %d",
			ErrNewer, peek.Version, Version)
	}
	var in recordJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return record{}, fmt.Errorf("%w: a field has the wrong type", ErrCorrupt)
	}
	r, err := in.record()
	if err != nil {
		return record{}, err
	}
	canonical := r.encode()
	defer wipe(canonical)
	if !bytes.Equal(canonical, data) {
		return record{}, fmt.Errorf("%w: checksum or form is wrong", ErrCorrupt)
	}
	return r, nil
}

// record checks the fields one by one.
func (in *recordJSON) record() (record, error) {
	var r record
	mode, err := parseMode(in.Mode)
	if err != nil {
		return r, err
	}
	r.mode = mode
	if len(in.Repository) != RepositoryIDSize {
		return r, fmt.Errorf("%w: repository id is not %d bytes", ErrCorrupt, RepositoryIDSize)
	}
	copy(r.repository[:], in.Repository)
	if mode == ModeNone {
		if len(in.ReadableKey) != messages.SecretSize {
			return r, fmt.Errorf("%w: key is not %d bytes", ErrCorrupt, messages.SecretSize)
		}
		r.key = in.ReadableKey
		return r, nil
	}
	if len(in.Salt) < saltSizeMin || len(in.Salt) > saltSizeMax {
		return r, fmt.Errorf("%w: salt is not %d to %d bytes", ErrCorrupt, saltSizeMin, saltSizeMax)
	}
	if len(in.WrappedKey) != wrappedSize {
		return r, fmt.Errorf("%w: wrapped key is not %d bytes", ErrCorrupt, wrappedSize)
	}
	r.salt, r.key = in.Salt, in.WrappedKey
	if mode == ModePassphrase {
		if in.Argon2 == nil {
			return r, fmt.Errorf("%w: no Argon2id parameters", ErrCorrupt)
		}
		r.argon2 = *in.Argon2
		return r, r.argon2.Validate()
	}
	return r, nil
}

// encode returns the file's bytes. Those of mode none hold the master key;
// the caller wipes them.
func (r *record) encode() []byte {
	out := recordJSON{
		Version: Version, Repository: r.repository[:], Mode: r.mode.String(),
		Salt: r.salt, Check: []byte{},
	}
	switch r.mode {
	case ModePassphrase:
		out.Argon2, out.WrappedKey = &r.argon2, r.key
	case ModeKeyFile:
		out.WrappedKey = r.key
	case ModeNone:
		out.ReadableKey = r.key
	}
	unchecked := out.marshal()
	check := sha256.Sum256(unchecked)
	wipe(unchecked)
	out.Check = check[:]
	return out.marshal()
}

func (in *recordJSON) marshal() []byte {
	data, err := json.MarshalIndent(in, "", "  ")
	if err != nil { // there is nothing in it that can fail
		panic(err)
	}
	return append(data, '\n')
}

// wrap seals the master key. The salt is drawn here, so that every write
// has a wrapping key of its own.
func wrap(h header, master *messages.Secret, credentials Credentials) (record, error) {
	r := record{header: h}
	if h.mode == ModeNone {
		r.key = bytes.Clone(master[:])
		return r, nil
	}
	r.salt = make([]byte, saltSize)
	_, _ = rand.Read(r.salt) // never fails: it stops the process
	aead, err := r.aead(credentials)
	if err != nil {
		return record{}, err
	}
	r.key = aead.Seal(nil, nil, master[:], r.additionalData())
	return r, nil
}

// unwrap opens the master key. Between a right and a wrong passphrase no
// step differs but the comparison of the tag, which is constant-time.
func (r *record) unwrap(credentials Credentials, master *messages.Secret) error {
	if credentials.mode != r.mode {
		return fmt.Errorf("%w: the vault is opened by %s, given was %s",
			ErrCredentials, r.mode.words(), credentials.mode.words())
	}
	if r.mode == ModeNone {
		copy(master[:], r.key)
		return nil
	}
	aead, err := r.aead(credentials)
	if err != nil {
		return err
	}
	plain, err := aead.Open(nil, nil, r.key, r.additionalData())
	if err != nil {
		if r.mode == ModeKeyFile {
			return ErrWrongKeyFile
		}
		return ErrWrongPassphrase
	}
	copy(master[:], plain)
	wipe(plain)
	return nil
}

// aead returns the cipher of this one vault.json: HKDF of what the
// credentials give, salted, drawn nonces kept in front of the sealed bytes.
func (r *record) aead(credentials Credentials) (cipher.AEAD, error) {
	stretched, err := credentials.stretch(r.salt, r.argon2)
	if err != nil {
		return nil, err
	}
	defer wipe(stretched)
	key, err := hkdf.Key(sha256.New, stretched, r.salt,
		"noisefs 0 vault wrap "+r.mode.String(), messages.SecretSize)
	if err != nil {
		return nil, fmt.Errorf("vault: derive: %w", err)
	}
	defer wipe(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("vault: cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// additionalData binds every field of the header to the wrapped key. Each
// has a fixed or a stated length, so that no two headers give one encoding.
func (h *header) additionalData() []byte {
	out := []byte("noisefs vault\x00")
	out = binary.BigEndian.AppendUint32(out, Version)
	out = append(out, byte(h.mode))
	out = append(out, h.repository[:]...)
	out = append(out, byte(len(h.salt)))
	out = append(out, h.salt...)
	out = binary.BigEndian.AppendUint32(out, h.argon2.Passes)
	out = binary.BigEndian.AppendUint32(out, h.argon2.MemoryKiB)
	return append(out, h.argon2.Lanes)
}
