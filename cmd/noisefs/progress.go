package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noisefs/noisefs/runtime/node"
)

const (
	progressDelay = 500 * time.Millisecond // shorter work shows nothing
	progressEvery = 200 * time.Millisecond
	clearLine     = "\r\x1b[K"
)

// progress shows how far long work is, on stderr when it is a terminal. The
// zero of total means that the end is unknown. A nil progress shows nothing.
type progress struct {
	w       io.Writer
	what    string
	bytes   bool
	total   atomic.Int64
	done    atomic.Int64
	phase   atomic.Pointer[string]
	stop    chan struct{}
	stopped sync.WaitGroup
}

// newProgress starts showing bytes done. Call finish at the end.
func (g *globals) newProgress(what string, totalBytes int64) *progress {
	return g.startProgress(what, totalBytes, true)
}

func (g *globals) startProgress(what string, total int64, inBytes bool) *progress {
	if g.quiet || g.json || !isTerminal(g.err) {
		return nil
	}
	p := &progress{w: g.err, what: harmless(what), bytes: inBytes, stop: make(chan struct{})}
	p.total.Store(total)
	p.stopped.Add(1)
	go p.show()
	return p
}

// add counts n more bytes.
func (p *progress) add(n int64) {
	if p != nil {
		p.done.Add(n)
	}
}

// set replaces all figures, for work that reports its phase.
func (p *progress) set(report node.Progress) {
	if p != nil {
		p.phase.Store(&report.Phase)
		p.done.Store(report.Done)
		p.total.Store(report.Total)
	}
}

func (p *progress) finish() {
	if p == nil {
		return
	}
	close(p.stop)
	p.stopped.Wait()
}

func (p *progress) show() {
	defer p.stopped.Done()
	begin := time.Now()
	select {
	case <-p.stop:
		return
	case <-time.After(progressDelay):
	}
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		fmt.Fprint(p.w, clearLine+p.line(time.Since(begin)))
		select {
		case <-p.stop:
			fmt.Fprint(p.w, clearLine)
			return
		case <-ticker.C:
		}
	}
}

func (p *progress) line(elapsed time.Duration) string {
	done, total := p.done.Load(), p.total.Load()
	text := p.what
	if phase := p.phase.Load(); phase != nil && *phase != "" {
		text += ": " + *phase
	}
	if !p.bytes {
		if total > 0 {
			return fmt.Sprintf("%s  %d of %d", text, done, total)
		}
		return fmt.Sprintf("%s  %d", text, done)
	}
	rate := int64(float64(done) / elapsed.Seconds())
	text += fmt.Sprintf("  %s  %s/s", bytesText(done), bytesText(rate))
	if total > 0 && rate > 0 && done <= total {
		left := time.Duration(float64(total-done) / float64(rate) * float64(time.Second))
		text += fmt.Sprintf("  %d %%  %s left", done*100/total, left.Round(time.Second))
	}
	return text
}
