package engines

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
)

const blockSize = blockstore.DefaultBlockSize

// contender is an engine under measurement. put and remove are durable on
// return if the contender was opened with sync.
type contender interface {
	put(blocks []messages.Block) error
	get(cid messages.CID, buf []byte) ([]byte, error)
	remove(cids []messages.CID) error
	compact() error
	close() error
}

// contenders open what is in a folder.
var contenders = map[string]func(path string, sync bool) (contender, error){
	"bare": openBare, "pack": openPack, "pebble": openPebble,
}

// packStore is the engine of NoiseFS.
type packStore struct {
	*blockstore.Engine
	disk *host.Disk
}

func openPack(path string, sync bool) (contender, error) {
	disk, err := host.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	var under port.Disk = disk
	if !sync {
		under = unsynced{disk}
	}
	engine, err := blockstore.Open(under, blockstore.Options{})
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return &packStore{Engine: engine, disk: disk}, nil
}

func (s *packStore) put(blocks []messages.Block) error { return s.Put(blocks) }
func (s *packStore) remove(cids []messages.CID) error  { return s.Delete(cids) }

func (s *packStore) close() error { return errors.Join(s.Close(), s.disk.Close()) }

func (s *packStore) get(cid messages.CID, buf []byte) ([]byte, error) {
	return s.Get(cid, buf, false)
}

func (s *packStore) compact() error {
	_, err := s.Compact(0.2, nil)
	return err
}

// unsynced is a disk whose files do not sync.
type unsynced struct{ port.Disk }

type unsyncedFile struct{ port.DiskFile }

func (unsyncedFile) Sync() error { return nil }

func (d unsynced) Create(name string) (port.DiskFile, error) {
	f, err := d.Disk.Create(name)
	return unsyncedFile{f}, err
}

func (d unsynced) Open(name string) (port.DiskFile, error) {
	f, err := d.Disk.Open(name)
	return unsyncedFile{f}, err
}

// bareLoop is the limit: one file, append and sync, at known offsets.
type bareLoop struct {
	file   port.DiskFile
	disk   *host.Disk
	sync   bool
	places map[messages.CID]int64
}

func openBare(path string, sync bool) (contender, error) {
	disk, err := host.OpenDisk(path)
	if err != nil {
		return nil, err
	}
	file, err := disk.Create("data")
	if err != nil {
		return nil, errors.Join(err, disk.Close())
	}
	return &bareLoop{file: file, disk: disk, sync: sync, places: make(map[messages.CID]int64)}, nil
}

func (s *bareLoop) put(blocks []messages.Block) error {
	buffers := make([][]byte, len(blocks))
	for i, b := range blocks {
		buffers[i] = b.Data
	}
	at, err := s.file.Append(buffers...)
	if err != nil {
		return err
	}
	for i, b := range blocks {
		s.places[b.CID] = at + int64(i*blockSize)
	}
	if s.sync {
		return s.file.Sync()
	}
	return nil
}

func (s *bareLoop) get(cid messages.CID, buf []byte) ([]byte, error) {
	_, err := s.file.ReadAt(buf[:blockSize], s.places[cid])
	return buf, err
}

func (s *bareLoop) remove([]messages.CID) error { return nil }
func (s *bareLoop) compact() error              { return nil }

func (s *bareLoop) close() error { return errors.Join(s.file.Close(), s.disk.Close()) }

// pebbleStore is pebble with values in blob files.
type pebbleStore struct {
	db    *pebble.DB
	write *pebble.WriteOptions
}

func openPebble(path string, sync bool) (contender, error) {
	opts := &pebble.Options{
		FormatMajorVersion:    pebble.FormatNewest,
		MemTableSize:          64 << 20,
		L0CompactionThreshold: 4,
		L0StopWritesThreshold: 20,
		Logger:                quietLogger{},
	}
	opts.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{
			Enabled: true, MinimumSize: 1024, MaxBlobReferenceDepth: 10, TargetGarbageRatio: 0.2,
		}
	}
	db, err := pebble.Open(path, opts)
	if err != nil {
		return nil, err
	}
	write := pebble.NoSync
	if sync {
		write = pebble.Sync
	}
	return pebbleStore{db: db, write: write}, nil
}

func (s pebbleStore) put(blocks []messages.Block) error {
	batch := s.db.NewBatch()
	for _, b := range blocks {
		if err := batch.Set(b.CID[:], b.Data, nil); err != nil {
			return err
		}
	}
	return batch.Commit(s.write)
}

func (s pebbleStore) get(cid messages.CID, buf []byte) ([]byte, error) {
	value, closer, err := s.db.Get(cid[:])
	if err != nil {
		return nil, err
	}
	return buf[:copy(buf[:blockSize], value)], closer.Close()
}

func (s pebbleStore) remove(cids []messages.CID) error {
	batch := s.db.NewBatch()
	for _, cid := range cids {
		if err := batch.Delete(cid[:], nil); err != nil {
			return err
		}
	}
	return batch.Commit(s.write)
}

func (s pebbleStore) compact() error {
	if err := s.db.Flush(); err != nil {
		return err
	}
	end := make([]byte, messages.CIDSize+1)
	for i := range end {
		end[i] = 0xff
	}
	return s.db.Compact(context.Background(), []byte{0}, end, true)
}

func (s pebbleStore) close() error { return s.db.Close() }

type quietLogger struct{}

func (quietLogger) Infof(string, ...any)  {}
func (quietLogger) Errorf(string, ...any) {}
func (quietLogger) Fatalf(format string, _ ...any) {
	panic("pebble: " + format)
}

// diskBytes is what a folder takes on disk, as du(1) counts.
func diskBytes(tb testing.TB, path string) int64 {
	tb.Helper()
	var total int64
	err := filepath.WalkDir(path, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return total
}
