package drives

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// load is the work that all systems do.
type load struct {
	size  int64
	files int
	noise cipher.Stream
	tar   []byte // of the source folder; nil: there is none
	git   string // a repository of it; "": there is no git, or no source
}

// newLoad prepares the work in a folder on the host.
func newLoad(ctx context.Context, o Options, dir string) (*load, error) {
	l := &load{size: o.SizeBytes, files: o.Files}
	var key, iv [aes.BlockSize]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	l.noise = cipher.NewCTR(block, iv[:])
	source := o.Source
	if source == "" {
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			o.Say("there is no Go source tree here: untar and git are left out (see --source)")
			return l, nil
		}
		source = filepath.Join(strings.TrimSpace(string(root)), "src", "net")
	}
	if l.tar, err = archive(source); err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return l, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := l.untar(dir); err != nil {
		return nil, err
	}
	l.git = dir
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "."},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "all"},
	} {
		if err := git(ctx, dir, args...); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// git runs git in a folder, without anybody's settings.
func git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// fill fills a buffer with random bytes.
func (l *load) fill(p []byte) {
	clear(p)
	l.noise.XORKeyStream(p, p)
}

// archive makes a tar of a folder's files and directories, in memory.
func archive(dir string) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() || name == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		if header.Name, err = filepath.Rel(dir, name); err != nil {
			return err
		}
		if err := w.WriteHeader(header); err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	})
	return buffer.Bytes(), errors.Join(err, w.Close())
}

// untar unpacks the archive, as tar does: files, modes and times.
func (l *load) untar(dir string) error {
	for r := tar.NewReader(bytes.NewReader(l.tar)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, header.Name)
		if header.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(name, 0o755); err != nil {
				return err
			}
			continue
		}
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, r)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		if err := os.Chtimes(name, header.ModTime, header.ModTime); err != nil {
			return err
		}
	}
}
