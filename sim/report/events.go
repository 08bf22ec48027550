package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// eventBufferBytes is how much of the log is written at once.
const eventBufferBytes = 64 << 10

// Event is something that happened in a run: a line of the log. Empty fields
// are left out.
type Event struct {
	// AtSeconds is the virtual time since the world began.
	AtSeconds float64 `json:"at"`
	// Kind is a past fact, as "nodeCrashed" or "readFailed".
	Kind  string `json:"kind"`
	Node  string `json:"node,omitempty"`
	Peer  string `json:"peer,omitempty"`
	Block string `json:"block,omitempty"`
	Bytes int64  `json:"bytes,omitempty"`
	// Seconds is how long it took, in virtual time.
	Seconds float64 `json:"seconds,omitempty"`
	Text    string  `json:"text,omitempty"`
}

// EventWriter writes events as lines of JSON. The first error ends it: what
// comes after is dropped, and Close reports the error. A nil EventWriter
// drops everything, so that a run need not ask whether there is a log.
type EventWriter struct {
	buffer  *bufio.Writer
	encoder *json.Encoder
	written uint64
	err     error
}

// NewEventWriter makes a writer to w, which stays the caller's to close.
func NewEventWriter(w io.Writer) *EventWriter {
	buffer := bufio.NewWriterSize(w, eventBufferBytes)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return &EventWriter{buffer: buffer, encoder: encoder}
}

// Write logs one event.
func (w *EventWriter) Write(e Event) {
	if w == nil || w.err != nil {
		return
	}
	w.err = w.encoder.Encode(e)
	w.written++
}

// Close writes what is buffered and reports the first error.
func (w *EventWriter) Close() error {
	if w == nil {
		return nil
	}
	if w.err == nil {
		w.err = w.buffer.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("report: write event %d: %w", w.written, w.err)
	}
	return nil
}
