package host

import (
	"fmt"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ port.Workers = (*workers)(nil)

// workers is the port of one incarnation on the pool that all share.
type workers struct {
	pool   *pool
	answer func(any)
}

// Do implements [port.Workers]. cost is for the simulation.
func (w *workers) Do(corr messages.Corr, _ time.Duration, f func() any) {
	w.pool.submit(func() {
		result, err := runWork(f)
		w.answer(messages.WorkDone{Answer: messages.Answer{Corr: corr}, Result: result, Err: err})
	})
}

// runWork runs f; a panic becomes an error that tells where, and nothing
// about the data.
func runWork(f func() any) (result any, err error) {
	defer func() {
		if value := recover(); value != nil {
			text, at := shell.DescribePanic(value)
			result, err = nil, fmt.Errorf("%w: %s at %s",
				port.ErrWorkPanicked, text, strings.Join(at, " < "))
		}
	}()
	return f(), nil
}
