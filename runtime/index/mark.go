package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

const (
	markName   = "mark"
	markSize   = nonceSize + 8 + tagSize
	markDomain = "noisefs index mark"
)

// mark is a note beside the database of how far its durable transactions
// went, as a sequence number of the engine. A log or manifest that was cut
// short reads as a clean end to the engine; the mark tells otherwise.
//
// It is written after each durable commit without being synced: after the
// process was killed it is exact, after a power cut it may be older, which
// hides nothing that it would have shown before. A mark that does not open
// is ignored, because a power cut may tear it.
type mark struct {
	aead *xaes
	data []byte // additional data: bound to the generation
	log  *slog.Logger

	mu     sync.Mutex
	file   vfs.File
	number uint64
}

func openMark(
	fs vfs.FS, dir string, aead *xaes, g generation, log *slog.Logger,
) (*mark, error) {
	name := fs.PathJoin(dir, markName)
	file, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil { // read-only: it is only compared
		file, err = fs.Open(name)
	}
	if err != nil {
		return nil, fmt.Errorf("index: mark: %w", engineError(err))
	}
	m := &mark{aead: aead, data: append([]byte(markDomain), g[:]...), log: log, file: file}
	sealed := make([]byte, markSize)
	n, err := file.ReadAt(sealed, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("index: mark: %w", engineError(err)), file.Close())
	}
	plaintext, err := aead.open(nil, sealed[:n], m.data)
	if err == nil && len(plaintext) == 8 {
		m.number = binary.LittleEndian.Uint64(plaintext)
	} else if n > 0 {
		log.Warn("Index mark is unreadable; cannot tell whether the log was cut")
	}
	return m, nil
}

// prove compares the mark with what the engine recovered.
func (m *mark) prove(db *pebble.DB) error {
	number, err := sequence(db)
	if err != nil {
		return err
	}
	if number < m.number {
		return fmt.Errorf("%w: durable transactions are missing at the end", port.ErrIndexCorrupt)
	}
	return nil
}

// sequence returns the engine's next sequence number, made durable. Only a
// batch is told its number, so one with nothing but a remark is written.
func sequence(db *pebble.DB) (uint64, error) {
	batch := db.NewBatch()
	if err := batch.LogData(nil, nil); err != nil {
		return 0, fmt.Errorf("index: mark: %w", engineError(err))
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return 0, fmt.Errorf("index: mark: %w", engineError(err))
	}
	number := uint64(batch.SeqNum()) + uint64(batch.Count())
	return number, batch.Close()
}

// advance notes that everything below number is durable. That it fails is
// no failure of the commit: the transaction is safe.
func (m *mark) advance(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number <= m.number {
		return
	}
	m.number = number
	if err := m.write(); err != nil {
		m.log.Warn("Index mark cannot be written", "reason", reason(err))
	}
}

func (m *mark) write() error {
	plaintext := binary.LittleEndian.AppendUint64(nil, m.number)
	sealed, err := m.aead.seal(make([]byte, 0, markSize), newNonce(), plaintext, m.data)
	if err != nil {
		return err
	}
	_, err = m.file.WriteAt(sealed, 0)
	return err
}

// sync makes the mark itself durable.
func (m *mark) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("index: mark: %w", engineError(err))
	}
	return nil
}

func (m *mark) close() error {
	if m == nil {
		return nil
	}
	return m.file.Close()
}
