package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file that somebody writes while it is stored is not stored: neither what
// it was, nor what it became, nor a mixture.
func TestFileThatChanges(t *testing.T) {
	for _, way := range []string{"Directly", "ThroughDaemon"} {
		t.Run(way, func(t *testing.T) {
			dir := newRepository(t)
			if way == "ThroughDaemon" {
				startDaemon(t, dir)
			}
			folder := t.TempDir()
			name := filepath.Join(folder, "busy")
			if err := os.WriteFile(name, randomBytes(1, 8<<20), 0o644); err != nil {
				t.Fatal(err)
			}
			defer keepWriting(t, name)()
			mustFail(t, exitChanged, "put", name, "--to", "/busy")
			mustFail(t, exitChanged, "put", "-r", folder, "--to", "/folder")
			mustFail(t, exitNotFound, "stat", "/busy")
			mustFail(t, exitNotFound, "stat", "/folder")
			collectAll(t)
		})
	}
}

// keepWriting changes a file again and again, until it is told to stop.
func keepWriting(t *testing.T, name string) (stop func()) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := int64(0); ; i++ {
			if _, err := file.WriteAt([]byte{byte(i)}, i); err != nil {
				t.Error(err)
			}
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}
