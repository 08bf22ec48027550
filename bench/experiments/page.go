package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/sim/report"
)

// page is what is written about an experiment.
type page struct {
	experiment
	outcomes []outcome
	machine  bench.Machine
	made     time.Time
	took     time.Duration
	command  string
}

// write writes the page and its drawings into a folder.
func (p *page) write(dir string) error {
	for _, pl := range p.plots {
		var b strings.Builder
		if err := pl.drawing(p.outcomes).WriteSVG(&b); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, p.svg(pl)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	var b strings.Builder
	p.head(&b)
	p.figureTable(&b)
	for _, pl := range p.plots {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](%s)\n", pl.title, pl.title, p.svg(pl))
	}
	if len(p.compared) > 0 {
		p.comparison(&b)
	}
	p.violations(&b)
	p.replay(&b)
	return os.WriteFile(filepath.Join(dir, p.name+".md"), []byte(b.String()), 0o644)
}

func (p *page) svg(pl plot) string { return p.name + "-" + pl.name + ".svg" }

func (p *page) head(w io.Writer) {
	fmt.Fprintf(w, "# %s\n\n<!-- Generated: make experiments -->\n\n%s\n\n", p.title, p.about)
	seeds := "One run each, with seed 1."
	if p.seeds > 1 {
		seeds = fmt.Sprintf("Seeds 1 to %d: figures are means with their 95 %% confidence interval "+
			"(Student's t).", p.seeds)
	}
	fmt.Fprintf(w, "Scenarios: %s. %s\n", strings.Join(p.files(), ", "), seeds)
	fmt.Fprintf(w, "Made on %s at commit %s by `%s`, in %s on %s with %d cores, %s.\n",
		p.made.Format(time.DateOnly), p.machine.Revision(), p.command, p.took.Round(time.Second),
		p.machine.CPU, p.machine.Cores, p.machine.Go)
}

// files are the scenario files, as links, each once.
func (p *page) files() []string {
	var links []string
	seen := map[string]bool{}
	for _, v := range p.variants {
		if !seen[v.file] {
			seen[v.file] = true
			links = append(links, fmt.Sprintf("[%s](%s)", v.file, v.file))
		}
	}
	return links
}

func (p *page) figureTable(w io.Writer) {
	head := append([]string{}, p.columns...)
	if p.alone {
		head = append(head, "memory per node", "CPU per node and virtual second", "speed")
	}
	for _, f := range p.figures {
		d, _ := report.Describe(f)
		head = append(head, d.Label)
	}
	fmt.Fprintln(w)
	tableHead(w, head, len(p.columns))
	for _, o := range p.outcomes {
		cells := append([]string{}, o.labels...)
		if p.alone {
			cells = append(cells, o.costCells()...)
		}
		for _, f := range p.figures {
			cells = append(cells, o.text(f))
		}
		tableRow(w, cells)
	}
}

func tableHead(w io.Writer, head []string, left int) {
	tableRow(w, head)
	rules := make([]string, len(head))
	for i := range rules {
		if rules[i] = "---:"; i < left {
			rules[i] = "---"
		}
	}
	tableRow(w, rules)
}

func tableRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

func (o outcome) costCells() []string {
	memory, _ := memoryPerNode(o)
	cpu, _ := cpuPerNode(o)
	var speed []float64
	for _, c := range o.costs {
		speed = append(speed, c.Speed)
	}
	return []string{
		report.Format(memory, report.UnitBytes), report.Format(cpu, report.UnitSeconds),
		report.Format(report.EstimateMean(speed).Mean, report.UnitRatio) + " ×",
	}
}

// text is the mean of a figure, with its interval.
func (o outcome) text(f report.Figure) string {
	samples := o.values(f)
	if len(samples) == 0 {
		return "–"
	}
	d, _ := report.Describe(f)
	return report.EstimateMean(samples).Text(d.Unit)
}

// comparison compares the variants of each group with its first, in pairs.
func (p *page) comparison(w io.Writer) {
	fmt.Fprintf(w, "\n## Against %s\n\nDifferences of pairs of runs with one seed, other less %s. "+
		"One is clear when its interval leaves out zero; of twenty that are not there, about one will "+
		"look clear.", p.outcomes[0].name(), p.outcomes[0].name())
	if p.equalBytes {
		fmt.Fprintf(w, " Bold is what stores about as much as %s.", p.outcomes[0].name())
	}
	fmt.Fprint(w, "\n\n")
	head := append([]string{}, p.columns...)
	for _, f := range p.compared {
		d, _ := report.Describe(f)
		head = append(head, d.Label)
	}
	tableHead(w, head, len(p.columns))
	for _, group := range p.groups() {
		nearest := p.nearest(group)
		for i, o := range group[1:] {
			cells := append([]string{}, o.labels...)
			if p.equalBytes && i+1 == nearest {
				cells[len(cells)-1] = "**" + o.name() + "**"
			}
			for _, f := range p.compared {
				cells = append(cells, difference(group[0], o, f))
			}
			tableRow(w, cells)
		}
	}
}

// groups are the outcomes of each group, in order.
func (p *page) groups() [][]outcome {
	var groups [][]outcome
	for _, o := range p.outcomes {
		if n := len(groups); n > 0 && groups[n-1][0].group() == o.group() {
			groups[n-1] = append(groups[n-1], o)
			continue
		}
		groups = append(groups, []outcome{o})
	}
	return groups
}

// nearest is the index in a group of what stores the most like its first.
func (p *page) nearest(group []outcome) int {
	stored := func(o outcome) float64 {
		return report.EstimateMean(o.values(report.BytesStored)).Mean
	}
	best, least := 0, math.Inf(1)
	for i, o := range group[1:] {
		if o.values(report.BytesStored) == nil || group[0].values(report.BytesStored) == nil {
			continue
		}
		if off := math.Abs(math.Log(stored(o) / stored(group[0]))); off < least {
			best, least = i+1, off
		}
	}
	return best
}

// difference says how a figure of another differs from that of the first.
func difference(first, other outcome, f report.Figure) string {
	a, b := first.values(f), other.values(f)
	if len(a) == 0 || len(b) == 0 {
		return "–"
	}
	e, err := report.EstimateDifference(a, b)
	if err != nil {
		return "–"
	}
	d, _ := report.Describe(f)
	text := e.Text(d.Unit)
	if e.Mean > 0 {
		text = "+" + text
	}
	switch {
	case len(a) == 1 || d.Better == 0:
		return text
	case !e.Clear():
		return text + ", not clear"
	case (e.Mean > 0) == (d.Better > 0):
		return text + ", " + other.name() + " is better"
	}
	return text + ", " + first.name() + " is better"
}

func (p *page) violations(w io.Writer) {
	runs, broken := 0, 0
	var lines []string
	for _, o := range p.outcomes {
		n, first := o.violated()
		runs, broken = runs+len(o.results), broken+n
		if n > 0 {
			lines = append(lines, fmt.Sprintf("- %s: %d of %d runs; %s",
				strings.Join(o.labels, ", "), n, len(o.results), first))
		}
	}
	fmt.Fprintf(w, "\n## Invariants\n\nAll checkers looked on. Of %d runs %d violated an invariant.\n",
		runs, broken)
	if broken > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(lines, "\n"))
	}
}

// replay says how to repeat a run.
func (p *page) replay(w io.Writer) {
	o := p.outcomes[len(p.outcomes)-1]
	words := []string{"noisefs sim run docs/experiments/" + o.file}
	for _, param := range o.params {
		words = append(words, "--param", param)
	}
	fmt.Fprintf(w, "\n## Repeat a run\n\nThe last line of the first table, with trace hash `%s`:\n\n"+
		"    %s --seed 1\n", o.results[0].TraceHash, strings.Join(words, " "))
}

// drawing draws outcomes.
func (pl plot) drawing(outcomes []outcome) report.Plot {
	drawn := report.Plot{
		Title: pl.title, XLabel: pl.x.label, YLabel: pl.y.label, LogX: pl.logX, LogY: pl.logY,
		XUnit: pl.x.unit, YUnit: pl.y.unit,
	}
	places := map[string]int{}
	for _, o := range outcomes {
		if pl.only != nil && !pl.only(o.variant) {
			continue
		}
		x, known := pl.x.of(o)
		y, measured := pl.y.of(o)
		if !known || !measured {
			continue
		}
		name := o.name()
		if len(o.labels) == 1 {
			name = pl.y.label // all are one line
		}
		at, ok := places[name]
		if !ok {
			at = len(drawn.Curves)
			places[name] = at
			drawn.Curves = append(drawn.Curves, report.PlotCurve{Name: name, Dots: pl.scatter})
		}
		drawn.Curves[at].Points = append(drawn.Curves[at].Points, report.PlotPoint{X: x, Y: y})
	}
	return drawn
}
