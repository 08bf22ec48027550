package main

import (
	"bytes"
	"io"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/node"
)

// holeBytes is the run of zeros, in bytes and aligned likewise, that becomes
// a hole: the block size of common file systems.
const holeBytes = 4096

var zeros [holeBytes]byte

// sparseWriter writes a file front to back and leaves holes for runs of
// zeros.
type sparseWriter struct {
	file   *os.File
	offset int64
	bar    *progress
}

var _ node.HoleWriter = (*sparseWriter)(nil)

func (w *sparseWriter) counting(bar *progress) *sparseWriter {
	w.bar = bar
	return w
}

// Write implements [io.Writer].
func (w *sparseWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		run := dataRun(p)
		if run > 0 {
			n, err := w.file.WriteAt(p[:run], w.offset)
			w.advance(int64(n))
			if err != nil {
				return total - len(p) + n, err
			}
			p = p[run:]
		}
		for len(p) >= holeBytes && bytes.Equal(p[:holeBytes], zeros[:]) {
			w.advance(holeBytes)
			p = p[holeBytes:]
		}
	}
	return total, nil
}

// dataRun is how many bytes of p come before a whole block of zeros.
func dataRun(p []byte) int {
	for at := 0; at < len(p); at += holeBytes {
		if len(p)-at >= holeBytes && bytes.Equal(p[at:at+holeBytes], zeros[:]) {
			return at
		}
	}
	return len(p)
}

// WriteHole implements [node.HoleWriter].
func (w *sparseWriter) WriteHole(n int64) error {
	w.advance(n)
	return nil
}

func (w *sparseWriter) advance(n int64) {
	w.offset += n
	if w.bar != nil {
		w.bar.add(n)
	}
}

// finish gives the file its size, which a hole at the end did not.
func (w *sparseWriter) finish() error { return w.file.Truncate(w.offset) }

// setLinkTime sets the modification time of a symlink itself.
func setLinkTime(root *os.Root, name string, modTime time.Time) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	times := []unix.Timespec{
		{Nsec: unix.UTIME_OMIT},
		unix.NsecToTimespec(modTime.UnixNano()),
	}
	return unix.UtimesNanoAt(int(dir.Fd()), path.Base(name), times, unix.AT_SYMLINK_NOFOLLOW)
}

// barWriter counts what goes through it.
type barWriter struct {
	io.Writer
	bar *progress
}

func (w barWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.bar.add(int64(n))
	return n, err
}
