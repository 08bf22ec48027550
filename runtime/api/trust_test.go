package api

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestDialRefusesForeignSockets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, row := range []struct {
		name string
		mode os.FileMode
		safe bool
	}{
		{"ours", 0o700, true},
		{"read by others", 0o755, true},
		{"written by others", 0o777, false},
		{"written by a group", 0o770, false},
		{"sticky", 0o777 | os.ModeSticky, true},
	} {
		if err := os.Chmod(dir, row.mode); err != nil {
			t.Fatal(err)
		}
		if err := checkSocket(path); row.safe != !errors.Is(err, ErrForeignSocket) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		return // root's files are trusted by everybody
	}
	if err := checkOwners(info, info, os.Getuid()+1); !errors.Is(err, ErrForeignSocket) {
		t.Errorf("a folder of another user: %v", err)
	}
}

func TestDialChecksTheSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrForeignSocket) {
		t.Errorf("dial: %v, want ErrForeignSocket", err)
	}
}
