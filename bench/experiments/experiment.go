package main

import (
	"strings"

	"github.com/noisefs/noisefs/sim/report"
)

// experiment is a question to simulated networks.
type experiment struct {
	name, title string
	about       string   // in Markdown
	columns     []string // names of a variant's labels
	figures     []report.Figure
	compared    []report.Figure // with the first variant of a group, in pairs
	// equalBytes marks, of the others in a group, the one that stores about as
	// much as the first.
	equalBytes bool
	// alone measures the process as well, one run at a time.
	alone    bool
	seeds    int
	variants []variant
	plots    []plot
}

// variant is a scenario with some parameters.
type variant struct {
	labels []string // the last names the variant in its group, the others the group
	file   string   // in the folder of the experiments
	params []string // key=value
}

func (v variant) group() string { return strings.Join(v.labels[:len(v.labels)-1], ", ") }

func (v variant) name() string { return v.labels[len(v.labels)-1] }

// plot is a drawing of some of an experiment's variants.
type plot struct {
	name  string // of the file, after the experiment's name
	title string
	x, y  quantity
	logX  bool
	logY  bool
	// only keeps the variants to draw; nil keeps all.
	only func(v variant) bool
	// scatter draws each variant as a dot of its own; otherwise those of one
	// name are one line.
	scatter bool
}

// quantity is what an axis shows.
type quantity struct {
	label string
	unit  report.Unit
	of    func(o outcome) (float64, bool)
}

// figureOver is a figure divided by a size, which is that of a marked unit.
func figureOver(label string, figure report.Figure, size float64) quantity {
	d, ok := report.Describe(figure)
	if !ok {
		panic("no figure is called " + string(figure))
	}
	return quantity{label: label, unit: d.Unit, of: func(o outcome) (float64, bool) {
		samples := o.values(figure)
		if len(samples) == 0 {
			return 0, false
		}
		return report.EstimateMean(samples).Mean / size, true
	}}
}
