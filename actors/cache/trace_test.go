package cache

import (
	"bufio"
	"compress/gzip"
	"container/list"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// The traces are recorded requests of real systems. NOISEFS_TEST_DATA names
// their folder.
const (
	traceDirEnv     = "NOISEFS_TEST_DATA"
	traceDirDefault = "../../../shared/data" // from this package
)

// traceCase is a trace, a cache size, and by how many points of hit rate
// S3-FIFO must be ahead of LRU there (negative: may be behind). The figures
// are one point below what was measured.
type traceCase struct {
	file  string
	room  int
	ahead float64
}

func TestHitRateOnTraces(t *testing.T) {
	for _, c := range []traceCase{
		{"arc-oltp.gz", 500, 8.1},
		{"arc-oltp.gz", 1000, 7},
		{"lirs-loop.trace.gz", 500, 0}, // a loop twice the room: nobody hits
		{"lirs-loop.trace.gz", 1000, 88},
		{"lirs-sprite.trace.gz", 100, 7.5},
		{"lirs-sprite.trace.gz", 500, -0.4},
		{"lirs-sprite.trace.gz", 1000, -2.4}, // recency is all there is to know here
		{"lirs-multi3.trace.gz", 100, 14},
		{"lirs-multi3.trace.gz", 1000, 6.7},
		{"lirs-multi3.trace.gz", 2000, 9.7},
		{"lirs-2_pools.trace.gz", 100, 21},
		{"lirs-2_pools.trace.gz", 1000, -1},
		{"corda-trace_vaultservice.gz", 1000, -0.1}, // each block thrice in a row
	} {
		t.Run(fmt.Sprintf("%s/%d", c.file, c.room), func(t *testing.T) {
			trace := readTrace(t, c.file)
			s3 := s3fifoHitRate(trace, c.room)
			lru := lruHitRate(trace, c.room)
			t.Logf("S3-FIFO %.2f %%, LRU %.2f %% of %d", s3, lru, len(trace))
			if s3-lru < c.ahead {
				t.Errorf("S3-FIFO is %.2f points ahead, want %.2f", s3-lru, c.ahead)
			}
		})
	}
}

func s3fifoHitRate(trace []uint64, room int) float64 {
	c, hits := newS3FIFO(room), 0
	for _, n := range trace {
		cid := testCID(n)
		if _, ok := c.get(cid); ok {
			hits++
			continue
		}
		c.put(messages.Block{CID: cid})
	}
	return 100 * float64(hits) / float64(len(trace))
}

func lruHitRate(trace []uint64, room int) float64 {
	order, at, hits := list.New(), map[uint64]*list.Element{}, 0
	for _, n := range trace {
		if e, ok := at[n]; ok {
			hits++
			order.MoveToFront(e)
			continue
		}
		at[n] = order.PushFront(n)
		if order.Len() > room {
			last := order.Back()
			delete(at, last.Value.(uint64))
			order.Remove(last)
		}
	}
	return 100 * float64(hits) / float64(len(trace))
}

// readTrace reads a trace, or skips the test when the folder has none.
func readTrace(t *testing.T, name string) []uint64 {
	t.Helper()
	dir := os.Getenv(traceDirEnv)
	if dir == "" {
		dir = traceDirDefault
	}
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no trace %s; set %s to the folder that has it", name, traceDirEnv)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var trace []uint64
	switch {
	case strings.HasPrefix(name, "corda"):
		trace, err = readInt64s(unzipped)
	default:
		trace, err = readLines(unzipped, strings.HasPrefix(name, "arc"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// readInt64s reads big-endian numbers.
func readInt64s(r io.Reader) ([]uint64, error) {
	raw, err := io.ReadAll(r)
	var trace []uint64
	for ; len(raw) >= 8; raw = raw[8:] {
		trace = append(trace, binary.BigEndian.Uint64(raw))
	}
	return trace, err
}

// readLines reads a number a line, or, of the ARC traces, "start count".
func readLines(r io.Reader, ranges bool) ([]uint64, error) {
	var trace []uint64
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] == "*" {
			continue
		}
		start, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return nil, err
		}
		count := uint64(1)
		if ranges {
			if count, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
				return nil, err
			}
		}
		for n := range count {
			trace = append(trace, start+n)
		}
	}
	return trace, lines.Err()
}
