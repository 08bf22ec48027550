package replication

import "math"

// factorMax bounds RMax and Factor: beyond it, copies are better made by
// caches.
const factorMax = 16

// factorAt is how many holders a demand calls for, per hour: see
// [Config.RMin].
func (c *Config) factorAt(demand float64) int {
	if c.Policy == PolicyFixed {
		return c.Factor
	}
	if !(demand > 0) { // also NaN
		demand = 0
	}
	want := max(c.RootShare*math.Sqrt(demand), demand/c.PerHolder)
	// The bounds come before the conversion, which is undefined for numbers
	// that do not fit.
	return int(math.Ceil(min(max(want, float64(c.RMin)), float64(c.RMax))))
}

// nextFactor is the factor that follows one, 0 at first, when the demand is
// known anew. It rises at once, and falls only when twice the demand would
// not keep it: so it does not flap where the demand is near a step.
func (c *Config) nextFactor(now int, demand float64) int {
	if at := c.factorAt(demand); at > now {
		return at
	}
	return min(now, c.factorAt(2*demand))
}
