package node

import (
	"context"
	"sync"

	"github.com/noisefs/noisefs/messages"
)

// watchers are told of names that may have changed.
type watchers struct {
	mu   sync.Mutex
	last int
	each map[int]func(path string)
}

// Watch has changed called with each path of the drive at which something may
// have appeared, gone or become something else, BEFORE the call of [Client] that
// did it returns; for a path with new parents, only with the path. It is called
// from many goroutines, also for changes that failed. It must not change names
// itself, and after stop it is not called any more, but may be under way.
func (l *Local) Watch(changed func(path string)) (stop func()) {
	w := &l.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	id := w.last
	if w.each == nil {
		w.each = make(map[int]func(string))
	}
	w.each[id] = changed
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.each, id)
	}
}

// tell tells all watchers, in no order: they know nothing of each other.
func (w *watchers) tell(paths []string) {
	w.mu.Lock()
	all := make([]func(string), 0, len(w.each))
	for _, changed := range w.each {
		all = append(all, changed)
	}
	w.mu.Unlock()
	for _, changed := range all {
		for _, path := range paths {
			changed(path)
		}
	}
}

// askToChange is ask for a command that changes what is at paths of the drive.
// A caller who goes away leaves the command in flight: the watchers are told
// when it is answered, whoever waits for it.
func askToChange[R messages.Reply](
	ctx context.Context, l *Local, paths []string,
	build func(messages.Call) messages.Command,
) (R, error) {
	var none R
	replies := make(chan messages.Reply, 1)
	err := l.send(ctx, roleDrive, build, func(reply messages.Reply) { replies <- reply })
	if err != nil {
		return none, err
	}
	select {
	case reply := <-replies:
		l.watchers.tell(paths)
		return factOf[R](reply)
	case <-ctx.Done():
		go func() {
			<-replies
			l.watchers.tell(paths)
		}()
		return none, canceled(ctx)
	}
}

// factOf returns a reply as the fact it must be.
func factOf[R messages.Reply](reply messages.Reply) (R, error) {
	var none R
	switch reply := reply.(type) {
	case R:
		return reply, nil
	case messages.Failed:
		return none, reply.Err
	default:
		return none, messages.Errorf(messages.CodeInternal, "the drive replied with %T", reply)
	}
}

// placePaths are the paths that a place names: one, or none for what is kept
// under its link alone.
func placePaths(place messages.Place) []string {
	if place.Path == "" {
		return nil
	}
	return []string{place.Path}
}
