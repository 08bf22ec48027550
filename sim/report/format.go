package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Format writes a value of a unit for people, to about three digits.
func Format(value float64, unit Unit) string {
	switch {
	case math.IsInf(value, 0) || math.IsNaN(value):
		return "?"
	case value < 0:
		return "-" + Format(-value, unit)
	}
	switch unit {
	case UnitShare:
		return percent(value)
	case UnitSeconds:
		return secondsText(value)
	case UnitBytes:
		return bytesText(value)
	case UnitRate:
		return bytesText(value) + "/s"
	}
	return significant(value)
}

// significant writes three digits, or all before the point.
func significant(value float64) string {
	switch {
	case value == 0:
		return "0"
	case value >= 100 || value == math.Trunc(value) && value >= 1:
		return grouped(strconv.FormatFloat(value, 'f', 0, 64))
	case value >= 1:
		return trim(strconv.FormatFloat(value, 'f', 2, 64))
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}

func trim(text string) string { return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") }

// grouped puts commas between thousands.
func grouped(digits string) string {
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// percent keeps the nines of an availability: it rounds nothing to 100 %.
func percent(share float64) string {
	value := share * 100
	switch {
	case share == 0 || share == 1:
		return strconv.FormatFloat(value, 'f', -1, 64) + " %"
	case value > 99 && value < 100:
		return strconv.FormatFloat(math.Floor(value*1e4+1e-6)/1e4, 'f', 4, 64) + " %"
	case value >= 0.1:
		return strconv.FormatFloat(value, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(value, 'g', 3, 64) + " %"
}

func secondsText(value float64) string {
	switch {
	case value == 0:
		return "0 s"
	case value < 1e-3:
		return significant(value*1e6) + " µs"
	case value < 1:
		return significant(value*1e3) + " ms"
	case value < 300:
		return significant(value) + " s"
	case value < 3*3600:
		return significant(value/60) + " min"
	}
	return significant(value/3600) + " h"
}

func bytesText(value float64) string {
	const unit = 1024
	prefix := 0
	for value >= unit && prefix < len(bytePrefixes)-1 {
		value /= unit
		prefix++
	}
	return significant(value) + " " + bytePrefixes[prefix]
}

var bytePrefixes = [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// Text writes the estimate for people.
func (e Estimate) Text(unit Unit) string {
	if math.IsInf(e.Half, 0) {
		return Format(e.Mean, unit)
	}
	return fmt.Sprintf("%s ± %s", Format(e.Mean, unit), Format(e.Half, unit))
}
