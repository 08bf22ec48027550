package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/atomicfile"
)

// NetworkName is the file in the repository folder that holds the secret of the
// private network that the node is in, sealed.
const NetworkName = "network.sealed"

// ErrNetwork: the sealed secret of a network is damaged, or of another
// repository.
var ErrNetwork = errors.New("vault: " + NetworkName + " does not open with this vault")

// networkData begins what is sealed with the secret: the form of the file.
const networkData = "noisefs network 0\x00"

// KeepNetwork seals the secret of a private network into dir, instead of one
// that was there. It is durable when it returns.
func (v *Vault) KeepNetwork(dir string, secret *messages.Secret) error {
	aead, err := v.networkSeal()
	if err != nil {
		return err
	}
	sealed := aead.Seal(nil, nil, secret[:], []byte(networkData))
	if err := atomicfile.Replace(filepath.Join(dir, NetworkName), sealed, 0o600); err != nil {
		return fmt.Errorf("vault: network: %w", err)
	}
	return nil
}

// Network returns the secret that KeepNetwork kept in dir; nil when there is
// none. The caller owns it. Errors: [ErrNetwork], and those of the disk.
func (v *Vault) Network(dir string) (*messages.Secret, error) {
	file, err := os.Open(filepath.Join(dir, NetworkName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("vault: network: %w", err)
	}
	defer file.Close()
	aead, err := v.networkSeal()
	if err != nil {
		return nil, err
	}
	size := messages.SecretSize + aead.Overhead()
	sealed, err := io.ReadAll(io.LimitReader(file, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("vault: network: %w", err)
	}
	opened, err := aead.Open(nil, nil, sealed, []byte(networkData))
	if err != nil || len(opened) != messages.SecretSize {
		return nil, ErrNetwork
	}
	secret := messages.Secret(opened)
	wipe(opened)
	return &secret, nil
}

// ForgetNetwork removes what KeepNetwork kept in dir, if it did. It needs no
// open vault.
func ForgetNetwork(dir string) error {
	err := os.Remove(filepath.Join(dir, NetworkName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("vault: network: %w", err)
	}
	return nil
}

// networkSeal is AES-256-GCM with a random nonce, which the sealed bytes begin
// with. A repository writes a few of them in its life.
func (v *Vault) networkSeal() (cipher.AEAD, error) {
	key := v.Derive(PurposeNetwork)
	defer wipe(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("vault: network: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
