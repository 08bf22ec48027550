package network

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a matrix.
const (
	// PlacesMax bounds the places of a matrix: 4,096 take 64 MiB.
	PlacesMax = 4096
	// RoundTripMax bounds a measured round trip.
	RoundTripMax = time.Minute
	// lineMax bounds a line of a matrix file, in bytes.
	lineMax = 1 << 20
)

// ErrMatrix reports a matrix that cannot be used.
var ErrMatrix = errors.New("network: bad latency matrix")

// Matrix has the one-way latency between places.
type Matrix struct {
	places int
	oneWay []uint32 // µs, row by row: from, to
}

// Places returns the number of places.
func (m *Matrix) Places() int {
	if m == nil {
		return 0
	}
	return m.places
}

// OneWay returns the latency from one place to another.
func (m *Matrix) OneWay(from, to int) time.Duration {
	if m == nil {
		return 0
	}
	return time.Duration(m.oneWay[from*m.places+to]) * time.Microsecond
}

// NewMatrix makes a matrix of measured round trips in milliseconds, halved.
// Off the diagonal, 0 means that it was not measured: the opposite direction
// stands in, or else the median of all. On the diagonal, 0 means 0.
func NewMatrix(roundTripsMS [][]float64) (*Matrix, error) {
	n := len(roundTripsMS)
	if n == 0 || n > PlacesMax {
		return nil, fmt.Errorf("%w: %d places, want 1 to %d", ErrMatrix, n, PlacesMax)
	}
	m := &Matrix{places: n, oneWay: make([]uint32, n*n)}
	for from, row := range roundTripsMS {
		if len(row) != n {
			return nil, fmt.Errorf("%w: row %d has %d places, want %d",
				ErrMatrix, from+1, len(row), n)
		}
		for to, ms := range row {
			if !(ms >= 0 && ms <= float64(RoundTripMax.Milliseconds())) {
				return nil, fmt.Errorf("%w: row %d, column %d: %v ms, want 0 to %s",
					ErrMatrix, from+1, to+1, ms, RoundTripMax)
			}
			m.oneWay[from*n+to] = uint32(math.Round(ms * 1000 / 2))
		}
	}
	m.fill()
	return m, nil
}

// fill replaces what was not measured.
func (m *Matrix) fill() {
	var known []uint32
	for i, us := range m.oneWay {
		if us > 0 && i/m.places != i%m.places {
			known = append(known, us)
		}
	}
	if len(known) == 0 {
		return
	}
	slices.Sort(known)
	for from := range m.places {
		for to := range m.places {
			if at := from*m.places + to; from != to && m.oneWay[at] == 0 {
				m.oneWay[at] = m.oneWay[to*m.places+from]
				if m.oneWay[at] == 0 {
					m.oneWay[at] = known[len(known)/2]
				}
			}
		}
	}
}

// ReadMatrix reads a square matrix of round trips in milliseconds, one row a
// line, tab-separated, perhaps compressed with gzip. Errors name the line.
func ReadMatrix(r io.Reader) (*Matrix, error) {
	buffered := bufio.NewReader(r)
	r = buffered
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMatrix, err)
		}
		r = unzipped
	}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, lineMax)
	var rows [][]float64
	line := 0
	for scanner.Scan() {
		line++
		text := strings.TrimRight(scanner.Text(), "\t\r ")
		if text == "" {
			continue
		}
		row, err := readRow(text)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrMatrix, line, err)
		}
		if len(rows) > 0 && len(row) != len(rows[0]) {
			return nil, fmt.Errorf("%w: line %d: %d columns, want %d as before",
				ErrMatrix, line, len(row), len(rows[0]))
		}
		if rows = append(rows, row); len(rows) > len(row) {
			return nil, fmt.Errorf("%w: line %d: more rows than columns", ErrMatrix, line)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrMatrix, line+1, err)
	}
	return NewMatrix(rows)
}

// readRow reads the figures of a line.
func readRow(text string) ([]float64, error) {
	columns := strings.Count(text, "\t") + 1
	if columns > PlacesMax {
		return nil, fmt.Errorf("%d columns, want at most %d", columns, PlacesMax)
	}
	row := make([]float64, 0, columns)
	for field := range strings.SplitSeq(text, "\t") {
		ms, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil || !(ms >= 0 && ms <= float64(RoundTripMax.Milliseconds())) {
			return nil, fmt.Errorf("column %d: %q, want milliseconds from 0 to %d",
				len(row)+1, field, RoundTripMax.Milliseconds())
		}
		row = append(row, ms)
	}
	return row, nil
}
