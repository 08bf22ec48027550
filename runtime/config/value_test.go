package config

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "4096": 4096, "7B": 7, "1kB": 1000, "1KB": 1000, "1KiB": 1024,
		"50GB": 50e9, "50gb": 50e9, "64MiB": 64 << 20, "64 mib": 64 << 20, " 2TiB ": 2 << 40,
		"1.5GiB": 3 << 29, "0.5KiB": 512, "0.001kB": 1, "3PB": 3e15, "7EiB": 7 << 60,
		"9EB": 9e18, "9223372036854775807": math.MaxInt64, "007": 7,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseSizeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "not a size",
		" ":                      "not a size",
		"MiB":                    "not a size",
		".5MiB":                  "not a size",
		"5.MiB":                  "not a size",
		"1.2.3MiB":               "not a size",
		"-1":                     "not a size",
		"+1":                     "not a size",
		"1e3":                    "unknown unit",
		"0x10":                   "unknown unit",
		"1_000":                  "unknown unit",
		"5 apples":               "unknown unit",
		"5M":                     "say MiB (1024) or MB (1000)",
		"5k":                     "say KiB (1024) or KB (1000)",
		"0.5":                    "not a whole number of bytes",
		"0.3KiB":                 "not a whole number of bytes",
		"8EiB":                   "more than 8EiB",
		"9223372036854775808":    "more than",
		strings.Repeat("9", 100): "too long",
	} {
		_, err := ParseSize(text)
		if !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want ErrValue with %q", text, err, want)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1", 999: "999", 1000: "1kB", 1024: "1KiB", 1234: "1234", 128 << 10: "128KiB",
		64 << 20: "64MiB", 50e9: "50GB", 3 << 29: "1536MiB", 128000: "128kB", 1 << 60: "1EiB",
	} {
		if got := FormatSize(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 1536: "1.50 KiB", 10 << 10: "10.0 KiB",
		100 << 10: "100 KiB", 1023 << 10: "1023 KiB", 1<<20 - 1: "1.00 MiB",
		10<<20 - 1: "10.0 MiB", 100<<20 - 1: "100 MiB", 3 << 29: "1.50 GiB",
		math.MaxInt64: "8.00 EiB",
	} {
		if got := HumanSize(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestWhatIsFormattedIsParsedBackExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "n")
		if rapid.Bool().Draw(t, "round") { // also numbers with many zeros
			unit := rapid.SampledFrom(sizeUnits()).Draw(t, "unit").bytes
			n = n / unit * unit
		}
		if got, err := ParseSize(FormatSize(n)); err != nil || got != n {
			t.Errorf("size %d: %q reads back as %d, %v", n, FormatSize(n), got, err)
		}
		if got, err := ParseRate(FormatRate(n)); err != nil || got != n {
			t.Errorf("rate %d: %q reads back as %d, %v", n, FormatRate(n), got, err)
		}
		d := time.Duration(n)
		for _, d := range []time.Duration{d, d.Truncate(time.Second), d.Truncate(time.Hour)} {
			if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
				t.Errorf("duration %v: %q reads back as %v, %v", d, FormatDuration(d), got, err)
			}
		}
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		if got, err := ParseShare(formatShare(share)); err != nil || got != share {
			t.Errorf("share %v: reads back as %v, %v", share, got, err)
		}
	})
}

func TestOtherValues(t *testing.T) {
	rate, err := ParseRate("10MB/s")
	if err != nil || rate != 10e6 {
		t.Errorf("rate: got %d, %v", rate, err)
	}
	share, err := ParseShare("12.5%")
	if err != nil || share != 0.125 {
		t.Errorf("share: got %v, %v", share, err)
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		time.Hour + time.Second: "1h0m1s", 300 * time.Millisecond: "300ms", 10 * time.Second: "10s",
		20 * time.Minute: "20m", 20 * time.Hour: "20h",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, refused := range []func() error{
		func() error { _, err := ParseRate("10MB"); return err },
		func() error { _, err := ParseRate("10/s/s"); return err },
		func() error { _, err := ParseDuration("10"); return err },
		func() error { _, err := ParseDuration("-1s"); return err },
		func() error { _, err := ParseDuration("soon"); return err },
		func() error { _, err := ParseShare("NaN"); return err },
		func() error { _, err := ParseShare("inf"); return err },
		func() error { _, err := ParseShare("1.1"); return err },
		func() error { _, err := ParseShare("101%"); return err },
		func() error { _, err := ParseShare("-0.1"); return err },
		func() error { _, err := parseCount("1.5"); return err },
		func() error { _, err := parseCount("-1"); return err },
		func() error { _, err := parseCount("99999999999999999999"); return err },
	} {
		if err := refused(); !errors.Is(err, ErrValue) {
			t.Errorf("got %v, want ErrValue", err)
		}
	}
}

// FuzzParseSize compares with big.Rat reading the number on its own.
func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"0", "64MiB", "1.5GiB", "50 GB", "8EiB", "-1", "1e9", "0.1kB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseSize(text)
		if err != nil {
			if !errors.Is(err, ErrValue) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if n < 0 {
			t.Fatalf("%q is negative: %d", text, n)
		}
		number := strings.TrimRightFunc(text, func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsSpace(r)
		})
		want, ok := new(big.Rat).SetString(strings.TrimSpace(number))
		if !ok {
			t.Fatalf("%q was read, but has no number", text)
		}
		factor := new(big.Rat).Quo(new(big.Rat).SetInt64(n), new(big.Rat).SetInt64(1))
		if want.Sign() == 0 != (n == 0) {
			t.Fatalf("%q reads as %d", text, n)
		}
		if n != 0 {
			factor.Quo(factor, want)
			if !factor.IsInt() {
				t.Fatalf("%q reads as %d: no unit has that many bytes", text, n)
			}
		}
		again, err := ParseSize(FormatSize(n))
		if err != nil || again != n {
			t.Fatalf("%d reads back as %d, %v", n, again, err)
		}
	})
}
