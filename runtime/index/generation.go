package index

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// formatVersion is the version of everything below an index directory.
const formatVersion = 1

const (
	pointerName  = "CURRENT"
	pointerMagic = "noisefs-index"
	dirPrefix    = "gen-"
	// pointerSizeMax is more than the pointer of any version should take.
	pointerSizeMax = 1 << 10
)

// dirName is the directory of a generation.
func (g generation) dirName() string { return dirPrefix + hex.EncodeToString(g[:]) }

func newGeneration() generation {
	var g generation
	_, _ = rand.Read(g[:]) // never fails
	return g
}

// writePointer makes g the current generation, durably and all at once.
// After an error it is not known which one is.
func writePointer(fs vfs.FS, dir string, g generation) error {
	text := fmt.Sprintf("%s %d\n%s\n", pointerMagic, formatVersion, hex.EncodeToString(g[:]))
	temp := fs.PathJoin(dir, pointerName+".tmp")
	file, err := fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = file.Write([]byte(text))
	if err == nil {
		// The text is durable BEFORE the name points to it.
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := fs.Rename(temp, fs.PathJoin(dir, pointerName)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// syncDir makes the names in a directory durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readPointer returns the current generation. The version stands in the
// clear, so that a newer layout is told from damage.
func readPointer(fs vfs.FS, dir string) (generation, error) {
	var g generation
	file, err := fs.Open(fs.PathJoin(dir, pointerName))
	if errors.Is(err, os.ErrNotExist) {
		return g, fmt.Errorf("%w: there is no index: %w", port.ErrIndexCorrupt, err)
	}
	if err != nil {
		return g, fmt.Errorf("index: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, pointerSizeMax))
	if err = errors.Join(err, file.Close()); err != nil {
		return g, fmt.Errorf("index: file %s: %w", pointerName, engineError(err))
	}
	return parsePointer(text)
}

func parsePointer(text []byte) (generation, error) {
	var g generation
	damaged := fmt.Errorf("%w: file %s", port.ErrIndexCorrupt, pointerName)
	head, rest, ok := strings.Cut(string(text), "\n")
	magic, number, spaced := strings.Cut(head, " ")
	if !ok || !spaced || magic != pointerMagic {
		return g, damaged
	}
	version, err := strconv.ParseUint(number, 10, 32)
	if err != nil || version == 0 || strconv.FormatUint(version, 10) != number {
		return g, damaged
	}
	if version > formatVersion {
		return g, fmt.Errorf("%w: format version %d, this one knows %d",
			port.ErrIndexNewer, version, formatVersion)
	}
	raw, err := hex.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(raw) != generationSize || rest != hex.EncodeToString(raw)+"\n" {
		return g, damaged
	}
	return generation(raw), nil
}

// sweep removes generations that are not current: what an interrupted
// Create or Purge left. The caller holds the lock of the current one.
func sweep(fs vfs.FS, dir string, current generation) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("index: list directory: %w", engineError(err))
	}
	for _, name := range names {
		if !strings.HasPrefix(name, dirPrefix) || name == current.dirName() {
			continue
		}
		if err := fs.RemoveAll(fs.PathJoin(dir, name)); err != nil {
			return fmt.Errorf("index: remove an old generation: %w", engineError(err))
		}
	}
	return nil
}

// headerSize is the length of the header's plaintext: format version,
// generation, check of the key for names.
const headerSize = 4 + generationSize + nameSize

const headerDomain = "noisefs index header"

// writeHeader stores the header row, durably.
func writeHeader(db *pebble.DB, keys *Keys, g generation) error {
	aead, err := newXAES(&keys.Values)
	if err != nil {
		return fmt.Errorf("index: cipher: %w", err)
	}
	names, err := newNamer(&keys.Names)
	if err != nil {
		return err
	}
	plaintext := binary.LittleEndian.AppendUint32(nil, formatVersion)
	plaintext = append(append(plaintext, g[:]...), names.check()...)
	sealed, err := aead.seal(nil, newNonce(), plaintext, []byte(headerDomain))
	if err != nil {
		return fmt.Errorf("index: seal header: %w", err)
	}
	if err := db.Set(headerKey[:], sealed, pebble.Sync); err != nil {
		return fmt.Errorf("index: write header: %w", engineError(err))
	}
	return nil
}

// checkHeader proves that the keys are the index's and that the database is
// the generation it stands for.
func checkHeader(db *pebble.DB, keys *Keys, g generation) error {
	sealed, closer, err := db.Get(headerKey[:])
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("%w: no header", port.ErrIndexCorrupt)
	}
	if err != nil {
		return fmt.Errorf("index: read header: %w", engineError(err))
	}
	err = openHeader(sealed, keys, g)
	return errors.Join(err, closer.Close())
}

func openHeader(sealed []byte, keys *Keys, g generation) error {
	aead, err := newXAES(&keys.Values)
	if err != nil {
		return fmt.Errorf("index: cipher: %w", err)
	}
	names, err := newNamer(&keys.Names)
	if err != nil {
		return err
	}
	plaintext, err := aead.open(nil, sealed, []byte(headerDomain))
	if err != nil || len(plaintext) < 4 {
		return fmt.Errorf("%w: %w", port.ErrIndexCorrupt, ErrWrongKey)
	}
	if version := binary.LittleEndian.Uint32(plaintext); version > formatVersion {
		return fmt.Errorf("%w: format version %d, this one knows %d",
			port.ErrIndexNewer, version, formatVersion)
	}
	if len(plaintext) != headerSize || generation(plaintext[4:]) != g {
		return fmt.Errorf("%w: header of another generation", port.ErrIndexCorrupt)
	}
	if subtle.ConstantTimeCompare(plaintext[4+generationSize:], names.check()) != 1 {
		return fmt.Errorf("%w: %w", port.ErrIndexCorrupt, ErrWrongKey)
	}
	return nil
}
