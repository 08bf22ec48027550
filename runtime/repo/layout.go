package repo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/noisefs/noisefs/runtime/atomicfile"
)

// FormatVersion is the version of repositories that this program writes and
// the highest that it reads.
const FormatVersion = 0

// Errors of this package.
var (
	ErrNoRepository = errors.New("repo: no repository here; make one with 'noisefs init'")
	ErrExists       = errors.New("repo: there is a repository here already")
	ErrNewer        = errors.New("repo: written by a newer version of NoiseFS; use that one")
	ErrBroken       = errors.New("repo: repo.json is damaged")
	ErrIndex        = errors.New("repo: the index is damaged or gone, and with it the names of the " +
		"drive; links that you kept elsewhere still work ('noisefs help damage' says how)")
	ErrNotEmpty = errors.New("repo: the folder is not empty")
)

const (
	headerName     = "repo.json"
	blocksName     = "blocks"
	indexName      = "index"
	headerBytesMax = 4 << 10
)

// header is repo.json: what a program must know before anything else.
type header struct {
	Program string `json:"program"`
	Version int    `json:"version"`
	ID      string `json:"id"`
}

const programName = "noisefs"

// readHeader reads repo.json. ErrNoRepository, ErrNewer, ErrBroken.
func readHeader(dir string) (header, error) {
	var h header
	file, err := os.Open(filepath.Join(dir, headerName))
	if errors.Is(err, fs.ErrNotExist) {
		return h, ErrNoRepository
	}
	if err != nil {
		return h, fmt.Errorf("repo: %w", err)
	}
	defer file.Close()
	buf := make([]byte, headerBytesMax)
	n, err := file.Read(buf)
	if err != nil {
		return h, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if err := json.Unmarshal(buf[:n], &h); err != nil || h.Program != programName || h.Version < 0 {
		return h, ErrBroken
	}
	if h.Version > FormatVersion {
		return h, fmt.Errorf("%w (its version is %d, ours %d)", ErrNewer, h.Version, FormatVersion)
	}
	return h, nil
}

// writeHeader is the last step of making a repository: without it there is
// none.
func writeHeader(dir string) error {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: see crypto/rand
	h := header{Program: programName, Version: FormatVersion, ID: hex.EncodeToString(id[:])}
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Replace(filepath.Join(dir, headerName), append(text, '\n'), 0o600)
}

// prepareDir makes an empty folder for a repository, or accepts one.
func prepareDir(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, headerName)); err == nil {
		return ErrExists
	}
	if err := makeDurable(dir); err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	if len(entries) > 0 {
		return ErrNotEmpty
	}
	return os.Chmod(dir, 0o700)
}

// makeDurable makes a folder, and those above it that are missing. Each is
// synced into the one above it: otherwise a power cut could take a whole
// repository, however durable everything in it is.
func makeDurable(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := makeDurable(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil // ReadDir tells whether it can be used
		}
		return err
	}
	above, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(above.Sync(), above.Close())
}

// empty removes what is in a folder that prepareDir found empty.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("repo: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("repo: %w", err)
		}
	}
	return nil
}
