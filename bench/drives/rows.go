package drives

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Units of rows.
const (
	unitRate    = "MB/s"
	unitPerSec  = "/s"
	unitSeconds = "s"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	// smallBytes is the size of small files and of random accesses.
	smallBytes = 4 * kib
	// randomMax bounds the random accesses of a row.
	randomMax = 4096
	// megabyte is what rates count in.
	megabyte = 1e6
)

// row is one piece of work. It returns how much was done, and in which time.
// Rows go in order: later ones use what earlier ones left.
type row struct {
	name, unit string
	needs      need
	run        func(ctx context.Context, l *load, dir string) (float64, time.Duration, error)
}

// need is what a row cannot do without.
type need uint8

const (
	needNothing need = iota
	needTar
	needGit
)

// skipped says why a row is left out; "": it is not.
func (r row) skipped(l *load) string {
	switch {
	case r.needs == needTar && l.tar == nil:
		return "no source tree"
	case r.needs == needGit && l.git == "":
		return "no git"
	}
	return ""
}

var rows = []row{
	{"write, 1 MiB blocks", unitRate, needNothing, writing("large", mib)},
	{"read, 1 MiB blocks", unitRate, needNothing, reading("large", mib)},
	{"write, 128 KiB blocks", unitRate, needNothing, writing("large2", 128*kib)},
	{"read, 128 KiB blocks", unitRate, needNothing, reading("large2", 128*kib)},
	{"random 4 KiB writes", unitPerSec, needNothing, randomWrites},
	{"random 4 KiB reads", unitPerSec, needNothing, randomReads},
	{"create 4 KiB files", unitPerSec, needNothing, eachFile(create)},
	{"stat", unitPerSec, needNothing, eachFile(stat)},
	{"read 4 KiB files", unitPerSec, needNothing, eachFile(readSmall)},
	{"unlink", unitPerSec, needNothing, eachFile(unlink)},
	{"untar", unitSeconds, needTar, untar},
	{"git clone", unitSeconds, needGit, gitClone},
	{"git status", unitSeconds, needGit, gitStatus},
}

// writing writes a file from its beginning to its end, and syncs it.
func writing(name string, block int) func(context.Context, *load, string) (float64, time.Duration, error) {
	return func(_ context.Context, l *load, dir string) (float64, time.Duration, error) {
		noise := make([]byte, 16*mib)
		l.fill(noise)
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return 0, 0, err
		}
		took, err := timed(func() error {
			for at := int64(0); at < l.size; at += int64(block) {
				from := int(at) % (len(noise) - block)
				if _, err := file.Write(noise[from : from+block]); err != nil {
					return err
				}
			}
			return file.Sync()
		})
		return float64(l.size) / megabyte, took, errors.Join(err, file.Close())
	}
}

// reading reads a file that the mount's cache has forgotten.
func reading(name string, block int) func(context.Context, *load, string) (float64, time.Duration, error) {
	return func(_ context.Context, l *load, dir string) (float64, time.Duration, error) {
		file, err := openForgotten(filepath.Join(dir, name))
		if err != nil {
			return 0, 0, err
		}
		read, buffer := int64(0), make([]byte, block)
		took, err := timed(func() error {
			for {
				n, err := file.Read(buffer)
				read += int64(n)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
		if err == nil && read < l.size {
			err = fmt.Errorf("%w: read %d of %d bytes", ErrSystem, read, l.size)
		}
		return float64(read) / megabyte, took, errors.Join(err, file.Close())
	}
}

// openForgotten opens a file of which the kernel then caches nothing.
func openForgotten(name string) (*os.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return file, unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// accesses are the places of random accesses, each another block.
func (l *load) accesses() []int64 {
	blocks := int(l.size / smallBytes)
	places := rand.Perm(blocks)[:min(randomMax, blocks)]
	at := make([]int64, len(places))
	for i, place := range places {
		at[i] = int64(place) * smallBytes
	}
	return at
}

func randomWrites(_ context.Context, l *load, dir string) (float64, time.Duration, error) {
	file, err := os.OpenFile(filepath.Join(dir, "large"), os.O_WRONLY, 0)
	if err != nil {
		return 0, 0, err
	}
	places, noise := l.accesses(), make([]byte, smallBytes)
	l.fill(noise)
	took, err := timed(func() error {
		for _, at := range places {
			if _, err := file.WriteAt(noise, at); err != nil {
				return err
			}
		}
		return file.Sync()
	})
	return float64(len(places)), took, errors.Join(err, file.Close())
}

func randomReads(_ context.Context, l *load, dir string) (float64, time.Duration, error) {
	file, err := openForgotten(filepath.Join(dir, "large"))
	if err != nil {
		return 0, 0, err
	}
	places, buffer := l.accesses(), make([]byte, smallBytes)
	took, err := timed(func() error {
		for _, at := range places {
			if _, err := file.ReadAt(buffer, at); err != nil {
				return err
			}
		}
		return nil
	})
	return float64(len(places)), took, errors.Join(err, file.Close())
}

// eachFile does something with every small file.
func eachFile(
	do func(l *load, name string) error,
) func(context.Context, *load, string) (float64, time.Duration, error) {
	return func(ctx context.Context, l *load, dir string) (float64, time.Duration, error) {
		dir = filepath.Join(dir, "small")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, 0, err
		}
		took, err := timed(func() error {
			for i := range l.files {
				if err := do(l, filepath.Join(dir, fmt.Sprintf("file%06d", i))); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		return float64(l.files), took, err
	}
}

func create(l *load, name string) error {
	var content [smallBytes]byte
	l.fill(content[:])
	return os.WriteFile(name, content[:], 0o644)
}

func stat(_ *load, name string) error {
	_, err := os.Lstat(name)
	return err
}

func readSmall(_ *load, name string) error {
	content, err := os.ReadFile(name)
	if err == nil && len(content) != smallBytes {
		err = fmt.Errorf("%w: %s has %d bytes", ErrSystem, name, len(content))
	}
	return err
}

func unlink(_ *load, name string) error { return os.Remove(name) }

func untar(_ context.Context, l *load, dir string) (float64, time.Duration, error) {
	dir = filepath.Join(dir, "untar")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, 0, err
	}
	took, err := timed(func() error { return l.untar(dir) })
	return 1, took, err
}

func gitClone(ctx context.Context, l *load, dir string) (float64, time.Duration, error) {
	took, err := timed(func() error {
		return git(ctx, dir, "clone", "--quiet", "--no-hardlinks", l.git, "clone")
	})
	return 1, took, err
}

func gitStatus(ctx context.Context, _ *load, dir string) (float64, time.Duration, error) {
	took, err := timed(func() error {
		return git(ctx, filepath.Join(dir, "clone"), "status", "--porcelain")
	})
	return 1, took, err
}
