package config

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// numberTextMax bounds the text of a number in bytes.
const numberTextMax = 40

type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits returns the units of sizes, binary before decimal and large
// before small. Source: ISO/IEC 80000-13.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"EiB", 1 << 60},
		{"PiB", 1 << 50},
		{"TiB", 1 << 40},
		{"GiB", 1 << 30},
		{"MiB", 1 << 20},
		{"KiB", 1 << 10},
		{"EB", 1e18},
		{"PB", 1e15},
		{"TB", 1e12},
		{"GB", 1e9},
		{"MB", 1e6},
		{"kB", 1e3},
	}
}

// ParseSize reads a number of bytes: digits, perhaps with a fraction, and a
// unit: none or B (bytes), kB MB GB TB PB EB (powers of 1000), KiB MiB GiB
// TiB PiB EiB (powers of 1024), in any case. 1.5GiB is exact; what is no
// whole number of bytes, negative or above 2^63-1 is [ErrValue].
func ParseSize(text string) (int64, error) {
	trimmed := strings.TrimSpace(text)
	if len(trimmed) > numberTextMax {
		return 0, fmt.Errorf("%w: %s is too long for a size", ErrValue, quote(text))
	}
	end := strings.IndexFunc(trimmed, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(trimmed)
	}
	number, unit := trimmed[:end], strings.TrimSpace(trimmed[end:])
	whole, fraction, dotted := strings.Cut(number, ".")
	if whole == "" || dotted && fraction == "" || strings.Contains(fraction, ".") {
		return 0, fmt.Errorf("%w: %s is not a size, such as 64MiB or 50GB", ErrValue, quote(text))
	}
	factor, err := sizeFactor(unit)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrValue, quote(text), err)
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("%w: %s is not a size, such as 64MiB or 50GB", ErrValue, quote(text))
	}
	value.Mul(value, new(big.Rat).SetInt64(factor))
	switch {
	case !value.IsInt():
		return 0, fmt.Errorf("%w: %s is not a whole number of bytes", ErrValue, quote(text))
	case !value.Num().IsInt64():
		return 0, fmt.Errorf("%w: %s is more than 8EiB", ErrValue, quote(text))
	}
	return value.Num().Int64(), nil
}

func sizeFactor(unit string) (int64, error) {
	if unit == "" || strings.EqualFold(unit, "B") {
		return 1, nil
	}
	for _, u := range sizeUnits() {
		if strings.EqualFold(unit, u.name) {
			return u.bytes, nil
		}
		if strings.EqualFold(unit, u.name[:1]) {
			letter := strings.ToUpper(unit)
			return 0, fmt.Errorf("say %siB (1024) or %sB (1000)", letter, letter)
		}
	}
	return 0, fmt.Errorf("unknown unit %s, want for example MiB or GB", quote(unit))
}

// FormatSize returns the shortest text that [ParseSize] reads back as
// exactly n, which is 0 or more: "64MiB", "50GB", "1234".
func FormatSize(n int64) string {
	best := strconv.FormatInt(n, 10)
	if n <= 0 {
		return best
	}
	for _, u := range sizeUnits() {
		if n%u.bytes != 0 {
			continue
		}
		text := strconv.FormatInt(n/u.bytes, 10) + u.name
		if len(text) < len(best) || len(text) == len(best) && best[len(best)-1] != 'B' {
			best = text
		}
	}
	return best
}

// HumanSize returns n bytes for people, rounded to three digits: "1.50 GiB".
// n is 0 or more.
func HumanSize(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	// Rounding up to the next unit is seen to: 1023.9996 MiB is 1.00 GiB.
	const names = "KMGTPE"
	step := (bits.Len64(uint64(n)) - 1) / 10
	value := float64(n) / float64(uint64(1)<<(10*step))
	if value >= 1023.5 && step < len(names) {
		value /= 1024
		step++
	}
	decimals := 2
	if value >= 99.95 {
		decimals = 0
	} else if value >= 9.995 {
		decimals = 1
	}
	return strconv.FormatFloat(value, 'f', decimals, 64) + " " + names[step-1:step] + "iB"
}

// ParseRate reads bytes per second: a size and "/s", such as 10MB/s.
func ParseRate(text string) (int64, error) {
	size, ok := strings.CutSuffix(strings.TrimSpace(text), "/s")
	if !ok {
		if n, err := ParseSize(text); err == nil && n == 0 {
			return 0, nil
		}
		return 0, fmt.Errorf("%w: %s is not a rate, such as 10MB/s", ErrValue, quote(text))
	}
	return ParseSize(size)
}

// FormatRate returns the shortest text that [ParseRate] reads back exactly.
func FormatRate(bytesPerSecond int64) string { return FormatSize(bytesPerSecond) + "/s" }

// ParseDuration reads a duration as Go writes it: 300ms, 10s, 1h30m. Zero
// needs no unit; all else does. Negative ones are [ErrValue].
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%w: %s is not a duration, such as 10s or 1h30m",
			ErrValue, quote(text))
	}
	return d, nil
}

// FormatDuration returns d exactly, as [ParseDuration] reads it, without
// empty parts: 1h, not 1h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseShare reads a part of a whole, 0 to 1: 0.5 or 50%.
func ParseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(number, 64)
	if percent {
		value /= 100
	}
	// Written so that it is false for NaN too.
	if err != nil || len(number) > numberTextMax || !(value >= 0 && value <= 1) {
		return 0, fmt.Errorf("%w: %s is not a share, such as 0.5 or 50%%", ErrValue, quote(text))
	}
	return value + 0, nil // -0 becomes 0
}

func formatShare(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

func parseCount(text string) (int, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || int64(int(n)) != n {
		return 0, fmt.Errorf("%w: %s is not a whole number of 0 or more", ErrValue, quote(text))
	}
	return int(n), nil
}

func formatCount(n int) string { return strconv.Itoa(n) }
