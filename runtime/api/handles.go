package api

import (
	"crypto/rand"
	"net"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// handles are the files that clients have open. A client that died leaves
// some behind: they are closed when they were idle for long.
type handles struct {
	max     int
	idleMax time.Duration

	mu   sync.Mutex
	open map[string]*handle
}

type handle struct {
	file node.File
	uses int
	idle *time.Timer
}

func newHandles(limit int, idleMax time.Duration) *handles {
	return &handles{max: limit, idleMax: idleMax, open: make(map[string]*handle)}
}

// add keeps a file open and returns a name that nobody can guess.
func (h *handles) add(file node.File) (string, error) {
	name := rand.Text()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.open) >= h.max {
		return "", messages.Errorf(messages.CodeOverload, "%d files are open already", h.max)
	}
	h.open[name] = &handle{
		file: file, idle: time.AfterFunc(h.idleMax, func() { h.expire(name) }),
	}
	return name, nil
}

// use returns an open file; done must be called after.
func (h *handles) use(name string) (file node.File, done func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.open[name]
	if !ok {
		return nil, nil, messages.Errorf(messages.CodeNotFound, "this file is not open")
	}
	found.uses++
	found.idle.Stop()
	return found.file, func() { h.release(name, found) }, nil
}

func (h *handles) release(name string, used *handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	used.uses--
	if used.uses > 0 {
		return
	}
	if h.open[name] != used { // removed meanwhile
		_ = used.file.Close()
		return
	}
	used.idle.Reset(h.idleMax)
}

func (h *handles) expire(name string) {
	h.mu.Lock()
	found, ok := h.open[name]
	busy := ok && found.uses > 0
	h.mu.Unlock()
	if ok && !busy {
		h.remove(name)
	}
}

func (h *handles) remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.open[name]
	if !ok {
		return
	}
	delete(h.open, name)
	found.idle.Stop()
	if found.uses == 0 {
		_ = found.file.Close()
	}
}

func (h *handles) closeAll() {
	h.mu.Lock()
	names := make([]string, 0, len(h.open))
	for name := range h.open {
		names = append(names, name)
	}
	h.mu.Unlock()
	for _, name := range names {
		h.remove(name)
	}
}

// limitListener accepts a bounded number of connections at a time.
type limitListener struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimitListener(l net.Listener, limit int) *limitListener {
	return &limitListener{
		Listener: l, places: make(chan struct{}, limit), closed: make(chan struct{}),
	}
}

// Accept implements [net.Listener].
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitConn{Conn: conn, release: func() { <-l.places }}, nil
}

// Close implements [net.Listener].
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn
	once    sync.Once
	release func()
}

// Close implements [net.Conn].
func (c *limitConn) Close() error {
	defer c.once.Do(c.release)
	return c.Conn.Close()
}
