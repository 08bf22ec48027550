package index

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
)

// Patterns that stand for what must not be seen.
const (
	canaryGroup = "CANARY-GROUP-fa7ab1"
	canaryKey   = "CANARY-KEY-0ddba11"
	canaryValue = "CANARY-VALUE-c0ffee"
)

// Nothing of a row is in any file or log line, whatever the engine went
// through: flushed, merged, failed, purged.
func TestNothingLeaks(t *testing.T) {
	var logged bytes.Buffer
	f, faultyFS, disk := newFaulty()
	options := smallOptions(faultyFS)
	options.Logger = slog.New(slog.NewTextHandler(
		&logged, &slog.HandlerOptions{Level: slog.LevelDebug - 10}))
	x := createIndex(t, "/index", options)
	var errs []string
	commit := func(i int) {
		row := port.RowKey{
			Table: port.TableDentries, Group: []byte(canaryGroup),
			Key: fmt.Append(nil, canaryKey, i),
		}
		history := port.RowKey{Table: port.TablePairs, Key: row.Key}
		err := x.Commit(port.Txn{Durable: i%10 == 0, Changes: []port.Change{
			{Op: port.OpInsert, Row: row, Value: fmt.Append(nil, canaryValue, i)},
			{Op: port.OpInsert, Row: history},
		}})
		if err != nil {
			errs = append(errs, err.Error())
		}
	}
	for i := range 2000 {
		commit(i)
	}
	commit(0) // exists
	if err := x.engine.db.Compact(t.Context(), []byte{0}, []byte{255}, false); err != nil {
		t.Fatal(err)
	}
	before := files(t, disk, "/index")
	if err := x.Purge(); err != nil {
		t.Fatal(err)
	}
	f.fail(".log", syscall.EIO, 0)
	commit(-10) // durable
	commit(-11)
	closeErr := x.Close()
	if len(errs) != 2+1 || closeErr == nil {
		t.Fatalf("errors: %v, close: %v", errs, closeErr)
	}
	texts := map[string][]byte{
		"log": logged.Bytes(), "errors": []byte(strings.Join(errs, "\n") + closeErr.Error()),
	}
	if logged.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, found := range []map[string][]byte{before, files(t, disk, "/index"), texts} {
		for name, data := range found {
			checkNoCanary(t, name, data)
		}
	}
}

func checkNoCanary(t *testing.T, name string, data []byte) {
	t.Helper()
	lower := bytes.ToLower(data)
	for _, canary := range []string{
		canaryGroup, canaryKey, canaryValue, string(testKeys.Names[:8]), string(testKeys.Values[:8]),
	} {
		if bytes.Contains(data, []byte(canary)) ||
			bytes.Contains(lower, []byte(hex.EncodeToString([]byte(canary)))) {
			t.Errorf("%s contains %q", name, canary)
		}
	}
}

// A stored row of a name has the same length for names of similar length.
func TestLengthsArePadded(t *testing.T) {
	sizes := map[int]bool{}
	for n := range 50 {
		sizes[len(encodeRow(nil, nil, make([]byte, n), nil))] = true
	}
	if len(sizes) != 1 {
		t.Errorf("keys of 0 to 49 bytes give rows of %v bytes", sizes)
	}
	for n := 1; n < 3<<20; n += 1 + n/50 {
		padded := paddedSize(n)
		if padded < n || padded > n+max(rowPadMin, n/8+1) {
			t.Errorf("%d bytes are padded to %d", n, padded)
		}
	}
}
