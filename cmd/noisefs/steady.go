package main

import (
	"errors"
	"io"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/node"
)

// steadyFile is a file that must not change while it is read. The file is
// not embedded: its WriteTo would let io.Copy read around the check.
type steadyFile struct {
	file   *os.File
	before os.FileInfo
	read   int64
	// dataEnd is up to where there is no hole for certain.
	dataEnd int64
}

var _ node.HoleReader = (*steadyFile)(nil)

func openSteady(name string) (*steadyFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &steadyFile{file: file, before: info}, nil
}

// Close closes the file.
func (f *steadyFile) Close() error { return f.file.Close() }

// Read returns errChanged instead of io.EOF when the file is not the one
// that was opened: its size or time differs. It does so at once when there
// is more than there was.
func (f *steadyFile) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	f.read += int64(n)
	if f.read > f.before.Size() {
		return 0, errChanged
	}
	if err == io.EOF {
		now, statErr := f.file.Stat()
		if statErr != nil {
			return n, statErr
		}
		if f.read != f.before.Size() || now.Size() != f.before.Size() ||
			!now.ModTime().Equal(f.before.ModTime()) {
			return n, errChanged
		}
	}
	return n, err
}

// SkipHole implements [node.HoleReader], on file systems that tell where
// holes are. Whatever they tell, a file of another size or time is refused
// at its end.
func (f *steadyFile) SkipHole(unit int64) (int64, error) {
	if f.read < f.dataEnd {
		return 0, nil
	}
	data, err := f.file.Seek(f.read, unix.SEEK_DATA)
	switch {
	case errors.Is(err, syscall.ENXIO): // none comes any more
		data = max(f.read, f.before.Size())
	case err != nil:
		f.dataEnd = math.MaxInt64 // ask no more
		return 0, f.backTo(f.read)
	}
	skipped := (data - f.read) / unit * unit
	if skipped == 0 {
		if f.dataEnd, err = f.file.Seek(data, unix.SEEK_HOLE); err != nil {
			f.dataEnd = math.MaxInt64
		}
	}
	f.read += skipped
	return skipped, f.backTo(f.read)
}

func (f *steadyFile) backTo(offset int64) error {
	_, err := f.file.Seek(offset, io.SeekStart)
	return err
}
