package daemons

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// ChurnOptions say what [Churn] measures.
type ChurnOptions struct {
	Dir        string // a folder that exists; everything made in it is removed
	Executable string
	Stable     int   // daemons that stay, and are measured; 2 or more
	Fickle     int   // daemons that go and come back; 1 or more
	SizeBytes  int64 // of the file that guests read; 1 or more
	Duration   time.Duration
	Every      time.Duration // how often it is sampled
	Say        func(what string)
}

// Churned is what the daemons that stayed had while others came and went.
type Churned struct {
	Options ChurnOptions `json:"-"`
	Returns int          `json:"returns"` // of daemons that were killed or stopped
	Guests  int          `json:"guests"`  // daemons that came once, read, and left
	Series  []Sample     `json:"series"`  // means over those that stayed
	link    string
}

// fickleAway is how long a daemon is away that comes back.
const fickleAway = 3 * time.Second

// Churn has daemons come and go, and samples those that stay. In each round one
// daemon goes, killed or stopped in turn, one with a new identity joins, reads a
// file and leaves for ever, and the one that went comes back.
func Churn(ctx context.Context, o ChurnOptions) (churned Churned, err error) {
	work, err := os.MkdirTemp(o.Dir, "noisefs-bench-")
	if err != nil {
		return churned, err
	}
	f := &fleet{dir: work, executable: o.Executable, args: append(quickly, measured...)}
	fickle := make([]*daemon, o.Fickle)
	defer func() {
		for _, d := range fickle {
			if d != nil {
				err = errors.Join(err, d.stop())
			}
		}
		err = errors.Join(err, f.close(), os.RemoveAll(work))
	}()
	for i := range o.Stable {
		if _, err := f.add(ctx, fmt.Sprint(i)); err != nil {
			return churned, err
		}
	}
	for i := range fickle {
		if fickle[i], err = f.join(ctx, fmt.Sprintf("fickle-%d", i)); err != nil {
			return churned, err
		}
	}
	if err := f.daemons[0].knows(ctx, o.Stable+o.Fickle); err != nil {
		return churned, err
	}
	link, _, err := f.put(ctx, f.daemons[0], o.SizeBytes)
	if err == nil {
		err = os.WriteFile(f.link(), []byte(link), 0o600)
	}
	if err != nil {
		return churned, err
	}
	churned = Churned{Options: o, link: link}
	return churned, churned.run(ctx, f, fickle)
}

// join starts a daemon that is not one of those measured.
func (f *fleet) join(ctx context.Context, name string, args ...string) (*daemon, error) {
	d, err := f.add(ctx, name, args...)
	if err == nil {
		f.daemons = f.daemons[:len(f.daemons)-1]
	}
	return d, err
}

func (c *Churned) run(ctx context.Context, f *fleet, fickle []*daemon) error {
	o, begun := c.Options, time.Now()
	for sampled := time.Duration(0); ; {
		if since := time.Since(begun); since >= sampled {
			if err := c.take(ctx, f, begun); err != nil {
				return err
			}
			if since >= o.Duration {
				return nil
			}
			sampled += o.Every
		}
		if err := c.round(ctx, f, fickle); err != nil {
			return err
		}
	}
}

// round lets one daemon go and come back, and one read in between.
func (c *Churned) round(ctx context.Context, f *fleet, fickle []*daemon) error {
	turn := c.Returns % len(fickle)
	if c.Returns/len(fickle)%2 == 0 {
		fickle[turn].kill()
	} else if err := fickle[turn].stop(); err != nil {
		return err
	}
	fickle[turn] = nil
	if err := c.guest(ctx, f); err != nil {
		return err
	}
	if err := pause(ctx, fickleAway); err != nil {
		return err
	}
	back, err := f.join(ctx, fmt.Sprintf("fickle-%d", turn))
	fickle[turn] = back
	c.Returns++
	return err
}

// guest joins with a new identity, reads the file, and leaves for ever.
func (c *Churned) guest(ctx context.Context, f *fleet) (err error) {
	guest, err := f.join(ctx, fmt.Sprintf("guest-%d", c.Guests), "--storage", "0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guest.stop(), os.RemoveAll(guest.dir)) }()
	c.Guests++
	if err := guest.finds(ctx, c.link); err != nil {
		return err
	}
	_, err = output(exec.CommandContext(ctx, f.executable, "cat", "--quiet", "--repo", guest.dir,
		"@"+f.link()))
	return err
}

// take samples those that stay.
func (c *Churned) take(ctx context.Context, f *fleet, begun time.Time) error {
	samples, err := f.sample(ctx, begun)
	if err != nil {
		return err
	}
	mean := func(of func(Sample) float64) float64 {
		sum := 0.0
		for _, s := range samples {
			sum += of(s)
		}
		return sum / float64(len(samples))
	}
	s := Sample{
		Seconds:     time.Since(begun).Seconds(),
		CPUSeconds:  mean(func(s Sample) float64 { return s.CPUSeconds }),
		MemoryMiB:   mean(func(s Sample) float64 { return s.MemoryMiB }),
		Goroutines:  mean(func(s Sample) float64 { return s.Goroutines }),
		Files:       mean(func(s Sample) float64 { return s.Files }),
		Streams:     mean(func(s Sample) float64 { return s.Streams }),
		Connections: mean(func(s Sample) float64 { return s.Connections }),
		BytesIn:     mean(func(s Sample) float64 { return s.BytesIn }),
		BytesOut:    mean(func(s Sample) float64 { return s.BytesOut }),
	}
	c.Series = append(c.Series, s)
	c.Options.Say(fmt.Sprintf("%4.0f s: %.1f MiB, %.0f goroutines, %.0f files, %.0f streams, "+
		"%.0f connections; %d came back, %d guests", s.Seconds, s.MemoryMiB, s.Goroutines, s.Files,
		s.Streams, s.Connections, c.Returns, c.Guests))
	return nil
}

// Grown tells by how much each figure is larger at the end than before: the
// mean of the last quarter of the series over that of the second one, in which
// the network has settled. 1: not at all.
func (c *Churned) Grown() map[string]float64 {
	grown := make(map[string]float64)
	for name, of := range map[string]func(Sample) float64{
		"memory":     func(s Sample) float64 { return s.MemoryMiB },
		"goroutines": func(s Sample) float64 { return s.Goroutines },
		"files":      func(s Sample) float64 { return s.Files },
		"streams":    func(s Sample) float64 { return s.Streams },
	} {
		quarter := len(c.Series) / 4
		early := meanOf(c.Series[quarter:2*quarter], of)
		late := meanOf(c.Series[len(c.Series)-quarter:], of)
		grown[name] = late / max(early, 1)
	}
	return grown
}

func meanOf(samples []Sample, of func(Sample) float64) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += of(s)
	}
	return sum / float64(max(1, len(samples)))
}
