package cluster

import (
	"bufio"
	"io"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// queue is what waits to be written to one stream. Pushing never blocks.
type queue struct {
	meter     *meter
	peer      messages.NodeID // at the other end
	framesMax int
	bytesMax  int
	wake      chan struct{} // has one when there may be something to write
	room      chan struct{} // has one when something was written

	mu     sync.Mutex
	frames []frame
	bytes  int // of frames
	closed bool
}

func newQueue(m *meter, peer messages.NodeID, b Bounds) *queue {
	return &queue{
		meter: m, peer: peer, framesMax: b.QueueFramesMax, bytesMax: b.QueueBytesMax,
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
}

// push queues a frame; false when there is no room or the stream has ended.
// A frame that is alone has room whatever its size.
func (q *queue) push(f frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := f.size()
	if q.closed || len(q.frames) >= q.framesMax || (q.bytes > 0 && q.bytes+size > q.bytesMax) {
		return false
	}
	q.frames = append(q.frames, f)
	q.bytes += size
	q.meter.queued(q, size)
	signal(q.wake)
	return true
}

// signal makes sure that a channel of one has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// halfFull reports whether more than half of the bytes that may wait do.
func (q *queue) halfFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > q.bytesMax/2
}

// pop takes the first frame. What it takes still counts as queued until it
// was written.
func (q *queue) pop() (frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return frame{}, false
	}
	f := q.frames[0]
	q.frames[0] = frame{} // let go of what it holds
	q.frames = q.frames[1:]
	return f, true
}

// wrote takes n bytes off what is queued.
func (q *queue) wrote(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, q.bytes)
	q.bytes -= n
	q.meter.queued(q, -n)
	signal(q.room)
}

// close drops what is queued; later pushes find no room.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.meter.queued(q, -q.bytes)
	q.closed, q.frames, q.bytes = true, nil, 0
}

// deadlineWriter is the side of a stream that is written to.
type deadlineWriter interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// pieceBytes is how much is written between two looks at how it goes.
const pieceBytes = 32 << 10

// writer writes frames of a queue to its stream.
type writer struct {
	queue   *queue
	stream  deadlineWriter
	buffer  *bufio.Writer
	share   *share        // of what this node may send
	patient time.Duration // that one frame may take
	start   []byte
}

func newWriter(q *queue, stream deadlineWriter, of *share, b Bounds) *writer {
	w := &writer{queue: q, stream: stream, share: of, patient: b.FrameTimeout}
	w.buffer = bufio.NewWriterSize(&pieces{w}, pieceBytes)
	return w
}

// pieces writes to the stream piece by piece, and tells the meter.
type pieces struct{ *writer }

func (p *pieces) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var wrote int
		begin := time.Now() // what is waited for is time that sending takes, too
		wrote, err = p.stream.Write(b[n:min(len(b), n+pieceBytes)])
		n += wrote
		p.queue.wrote(wrote)
		p.queue.meter.sent(p.queue, wrote, begin, time.Now())
	}
	return n, err
}

// wait waits until a frame of that many bytes may be sent. It is sent in one go
// then, since the other side has bounded patience for a frame that has begun.
func (w *writer) wait(bytes int) error {
	if !w.share.bounds() {
		return nil
	}
	if err := w.buffer.Flush(); err != nil {
		return err
	}
	return w.share.take(bytes)
}

// drain writes all that is queued.
func (w *writer) drain() error {
	for {
		f, ok := w.queue.pop()
		if !ok {
			return w.buffer.Flush()
		}
		if err := w.wait(f.size()); err != nil {
			return err
		}
		if err := w.stream.SetWriteDeadline(time.Now().Add(w.patient)); err != nil {
			return err
		}
		w.start = f.appendStart(w.start[:0])
		if _, err := w.buffer.Write(w.start); err != nil {
			return err
		}
		for _, block := range f.packet.Blocks {
			if _, err := w.buffer.Write(block); err != nil {
				return err
			}
		}
	}
}
