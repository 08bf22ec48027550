package report

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is that of every interval here.
const confidence = 0.95

// roundingShare is how much of a value may be left by adding up fractions. A
// spread or difference below it is none.
const roundingShare = 1e-12

// ErrPairs reports samples that do not pair up.
var ErrPairs = errors.New("report: samples of different length do not pair up")

// Estimate is a mean over seeds with its 95 % confidence interval.
type Estimate struct {
	Mean float64
	// Half is half the width of the interval: Mean ± Half. It is infinite
	// for one sample, which says nothing about the spread.
	Half float64
	N    int
}

// Clear reports whether the interval leaves out zero: a difference with this
// estimate is unlikely to be chance.
func (e Estimate) Clear() bool { return math.Abs(e.Mean) > e.Half }

// EstimateMean returns the mean of independent samples, with the interval
// mean ± t(0.975, n-1) · s/√n (Student, "The probable error of a mean",
// Biometrika 1908). It panics without samples.
func EstimateMean(samples []float64) Estimate {
	n := len(samples)
	if n == 0 {
		panic("report: no samples")
	}
	mean, deviation := stat.MeanStdDev(samples, nil)
	if n == 1 {
		return Estimate{Mean: samples[0], Half: math.Inf(1), N: 1}
	}
	if deviation <= roundingShare*math.Abs(mean) {
		deviation = 0
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile(1 - (1-confidence)/2)
	return Estimate{Mean: mean, Half: t * deviation / math.Sqrt(float64(n)), N: n}
}

// EstimateDifference returns the mean of b[i] - a[i]. Samples with one index
// share a seed, so that what the seed alone does cancels out.
func EstimateDifference(a, b []float64) (Estimate, error) {
	if len(a) != len(b) || len(a) == 0 {
		return Estimate{}, fmt.Errorf("%w: %d and %d", ErrPairs, len(a), len(b))
	}
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = b[i] - a[i]
		if math.Abs(differences[i]) <= roundingShare*math.Abs(a[i]) {
			differences[i] = 0
		}
	}
	return EstimateMean(differences), nil
}

// Gini returns the Gini coefficient of loads, none of which is negative: 0
// when all are equal, (n-1)/n when one bears everything; NaN of no load.
// Formula: Σ(2i-n-1)·x(i) / (n·Σx), x in ascending order, i from 1.
func Gini(loads []float64) float64 {
	sorted := slices.Sorted(slices.Values(loads))
	var weighted, sum float64
	n := float64(len(sorted))
	for i, x := range sorted {
		weighted += (2*float64(i+1) - n - 1) * x
		sum += x
	}
	return weighted / (n * sum)
}
