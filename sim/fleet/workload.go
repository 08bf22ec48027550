package fleet

import (
	"time"

	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/plan"
)

// workload is one of the plan's that runs now.
type workload struct {
	plan.Workload
	run   *run
	zipf  *zipf
	since time.Duration // virtual time of its start
	takes []bool        // which nodes take part; nil: all
}

// scheduleWorkloads arranges for the plan's workloads to begin and end. The
// measured span begins after the plan's ramp.
func (r *run) scheduleWorkloads() {
	for _, w := range r.plan.Workloads {
		work := &workload{Workload: w, run: r, zipf: newZipf(w.Zipf)}
		stop := w.Stop
		if stop == 0 {
			stop = r.plan.Duration
		}
		begin := r.plan.Ramp + w.Start
		if w.Kind == plan.WorkReads && w.Start == 0 {
			begin = 0
		}
		r.world.At(begin, func() { r.start(work, r.plan.Ramp+stop-begin) })
	}
}

// start begins a workload that lasts for a time.
func (r *run) start(w *workload, lasts time.Duration) {
	w.since = r.world.Elapsed()
	switch w.Kind {
	case plan.WorkDelete:
		r.deleteFiles(w, lasts)
		return
	case plan.WorkOwnerAway:
		r.sendOwnersAway(w, lasts)
		return
	}
	if w.Share > 0 && w.Share < 1 {
		w.takes = make([]bool, len(r.members))
		for _, number := range r.sample(w.Share) {
			w.takes[number] = true
		}
	}
	r.active = append(r.active, w)
	r.world.At(lasts, func() { r.end(w) })
	for number := range r.members {
		r.tell(number, orders{works: []*workload{w}})
	}
}

// end ends a workload: users look whether theirs still runs.
func (r *run) end(w *workload) {
	for i, other := range r.active {
		if other == w {
			r.active = append(r.active[:i:i], r.active[i+1:]...)
			return
		}
	}
}

func (w *workload) runs() bool {
	for _, other := range w.run.active {
		if other == w {
			return true
		}
	}
	return false
}

// sample draws a share of the nodes, one at least.
func (r *run) sample(share float64) []int {
	n := max(1, int(share*float64(len(r.members))+0.5))
	return r.draw.Perm(len(r.members))[:n]
}

// begin makes a user take part in a workload.
func (u *user) begin(w *workload) {
	if w.takes != nil && !w.takes[u.number] {
		return
	}
	u.env.Clock.After(exponential(u.env.Rand, w.rateNow(u)), arrival{w})
}

// rateNow is how often the user does it, per second. Only a flash crowd's
// changes.
func (w *workload) rateNow(u *user) float64 {
	if w.Kind != plan.WorkFlashCrowd {
		return w.Rate
	}
	return w.Rate * (1 + w.surge(u.now())/float64(max(1, len(w.run.catalog.known))))
}

// surge is how many times as popular as another the crowd's file is.
func (w *workload) surge(now time.Duration) float64 {
	if w.Over == 0 {
		return w.Factor - 1
	}
	return (w.Factor - 1) * min(1, float64(now-w.since)/float64(w.Over))
}

// arrived does what a workload has the user do next, and waits for the one
// after it. What is under way is not waited for: people do not either.
func (u *user) arrived(ctx shell.Ctx, w *workload) {
	if !w.runs() {
		return
	}
	u.env.Clock.After(exponential(u.env.Rand, w.rateNow(u)), arrival{w})
	if w.Kind == plan.WorkUploads {
		f := u.run.catalog.add(u.number)
		newUpload(u, f, nil).start(ctx, u)
		return
	}
	f := w.pick(u)
	if f == nil {
		return // nothing is stored yet
	}
	if w.Kind == plan.WorkStreaming {
		u.stream(ctx, f, w.BitsPerSecond)
		return
	}
	u.readBlock(ctx, f)
}

// pick draws the file that a user turns to.
func (w *workload) pick(u *user) *file {
	known := w.run.catalog.known
	if len(known) == 0 {
		return nil
	}
	if w.Kind == plan.WorkFlashCrowd && w.File != nil && *w.File < len(w.run.catalog.files) {
		hot, surge := w.run.catalog.files[*w.File], w.surge(u.now())
		if hot.ready && !hot.gone && u.env.Rand.Float64() < surge/(surge+float64(len(known))) {
			return hot
		}
	}
	return known[w.zipf.draw(u.env.Rand, len(known))]
}

// deleteFiles has owners delete a share of the files, spread over a time.
func (r *run) deleteFiles(w *workload, lasts time.Duration) {
	files := append([]*file(nil), r.catalog.ready...)
	r.draw.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	files = files[:int(w.Share*float64(len(files))+0.5)]
	for i, f := range files {
		at := time.Duration(float64(lasts) * float64(i) / float64(len(files)))
		r.world.At(at, func() { r.tell(f.owner, orders{remove: []*file{f}}) })
	}
}

// sendOwnersAway shuts a share of the owners' machines down for a time.
func (r *run) sendOwnersAway(w *workload, lasts time.Duration) {
	var owners []*member
	seen := make(map[int]bool)
	for _, f := range r.catalog.files {
		if !seen[f.owner] {
			seen[f.owner] = true
			owners = append(owners, r.members[f.owner])
		}
	}
	r.draw.Shuffle(len(owners), func(i, j int) { owners[i], owners[j] = owners[j], owners[i] })
	for _, m := range owners[:int(w.Share*float64(len(owners))+0.5)] {
		r.stop(m)
		r.world.At(lasts, func() { r.boot(m) })
	}
}
